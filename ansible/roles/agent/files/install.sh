#!/bin/sh
# sudo ./install.sh BUNDLE.tar: installs the agent on this device from an operator's bundle, without internet and without
# Ansible. The bundle brings Ansible along; it works from a folder of its own, which is taken away again.
set -eu

case "${LANGUAGE:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in id*) indonesian=1 ;; *) indonesian= ;; esac
say() { if [ -n "$indonesian" ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi; }
die() { say "$@" >&2; exit 1; }

bundle=${1:-}
[ -f "$bundle" ] || die "Pakai: sudo ./install.sh BUNDEL.tar" "Use: sudo ./install.sh BUNDLE.tar"
[ "$(id -u)" = 0 ] || die "Jalankan dengan sudo: sudo ./install.sh $bundle" "Run it with sudo: sudo ./install.sh $bundle"
python=$(command -v python3) || die "python3 tidak ada; pasang dahulu: apt-get install python3" \
    "python3 is missing; install it first: apt-get install python3"
machine=$("$python" -c 'import platform, sys; print("cp{}{}-{}".format(*sys.version_info[:2], platform.machine()))')

work=$(mktemp -d /var/tmp/pantau-install.XXXXXX)
trap 'rm -rf "$work"' EXIT
tar -xf "$bundle" -C "$work" 2>/dev/null && [ -f "$work/device.yml" ] ||
    die "$bundle bukan bundel Pantau, atau rusak: salin sekali lagi" "$bundle is no bundle of Pantau's, or damaged: copy it again"
wheels=$(find "$work/wheelhouse" -name "pantau-install-*-$machine.tar")
[ -n "$wheels" ] ||
    die "Bundel ini tidak memuat apa yang diperlukan perangkat ini ($machine); sebutkan itu kepada operator" \
        "This bundle lacks what this device needs ($machine); tell the operator that"

say "Menyiapkan pemasangan …" "Preparing …"
mkdir "$work/wheels"
tar -xf "$wheels" -C "$work/wheels"
"$python" -m venv --without-pip "$work/ansible"
(cd "$work/wheels" && PYTHONPATH=$(echo pip-*.whl) "$work/ansible/bin/python" -m pip install --quiet --no-index \
    --find-links . --no-deps --require-hashes --disable-pip-version-check --no-cache-dir --requirement requirements.txt)

device=$(sed -n 's/^agent_device: *//p' "$work/device.yml" | tr -d "'\"")
say "Memasang $device … (sekitar satu menit)" "Installing $device … (about a minute)"
if ! LC_ALL=C.UTF-8 HOME="$work" ANSIBLE_HOME="$work" ANSIBLE_COLLECTIONS_PATH="$work/collections" \
    ANSIBLE_DISPLAY_SKIPPED_HOSTS=0 "$work/ansible/bin/ansible-playbook" -i "$device," \
    -e "@$work/device.yml" -e "release_wheelhouse=$work/wheelhouse" -e "agent_identity_source=$work/identity" \
    -e "ansible_python_interpreter=$python" pantau.network.local >"$work/log" 2>&1; then
    grep -A 12 '^fatal' "$work/log" >&2 || tail -n 20 "$work/log" >&2
    die "Pemasangan gagal; alasannya tertulis di atas. Perintah yang sama boleh dijalankan lagi." \
        "It was not installed; the reason is above. The same command may be run again."
fi
say "Terpasang. Hapus bundel itu dari perangkat ini: di dalamnya ada rahasia." \
    "Installed. Delete the bundle from this device: it holds a secret."
/usr/local/bin/pantau-agent doctor
