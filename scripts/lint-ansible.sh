#!/bin/sh
# ansible-lint with its strictest profile over ansible/. It takes half a minute, so what it has passed is remembered.
set -eu
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
folder=build/collections/ansible_collections/pantau
stamp=build/.ansible-lint
state=$(find ansible requirements/dev.lock scripts/lint-ansible.sh -type f -exec cksum {} + | sort | cksum)
[ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && exit 0
# The roles call each other by the collection's full name: Ansible finds it by its folders.
mkdir -p "$folder"
ln -sfn "$PWD/ansible" "$folder/network"
cd ansible
PATH=$bin:$PATH ANSIBLE_COLLECTIONS_PATH=$PWD/../build/collections ANSIBLE_HOME=$PWD/../build/ansible-home \
    "$bin/ansible-lint" --offline -q --nocolor --profile production >../build/ansible-lint.log 2>&1 ||
    { cat ../build/ansible-lint.log; exit 1; }
cd ..
echo "$state" >"$stamp"
