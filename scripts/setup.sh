#!/bin/sh
# Makes .venv from a lock file: "setup.sh run" for the product, "setup.sh dev" with the test tools.
# Uses uv where it is installed, else venv and pip. Debian splits ensurepip off python3, so pip may
# have to come from Debian's wheel of it. Does nothing when .venv is already what the lock says.
set -eu
cd "$(dirname "$0")/.."
lock="requirements/${1:-run}.lock"
python="${PYTHON:-python3}"
stamp=.venv/.installed

say() { printf '%s\n' "pantau setup: $*" >&2; }
die() { say "$*"; exit 1; }

command -v "$python" >/dev/null || die "python3 is missing; install it with: apt-get install python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$("$python" --version) is too old; Pantau needs Python 3.11 or newer (PYTHON=/path/to/python3.11 make run)"

want=$(cat "$lock" pyproject.toml scripts/setup.sh | cksum)
# The test tools include everything the product needs: do not take them away again.
if [ "$(cat "$stamp.dev" 2>/dev/null)" = "$(cat requirements/dev.lock pyproject.toml scripts/setup.sh | cksum)" ] ||
    [ "$(cat "$stamp.${1:-run}" 2>/dev/null)" = "$want" ]; then
    exit 0
fi

pip_wheel() {
    # Debian keeps pip as a wheel in python3-pip-whl; anyone may download and unpack it.
    for wheel in /usr/share/python-wheels/pip-*.whl build/pip/usr/share/python-wheels/pip-*.whl; do
        [ -f "$wheel" ] && { echo "$wheel"; return; }
    done
    command -v apt-get >/dev/null || return 1
    mkdir -p build/pip
    (cd build/pip && apt-get download -qq python3-pip-whl >/dev/null 2>&1 && dpkg -x python3-pip-whl_*.deb .) || return 1
    for wheel in build/pip/usr/share/python-wheels/pip-*.whl; do
        [ -f "$wheel" ] && { echo "$wheel"; return; }
    done
    return 1
}

say "installing from $lock (the first time takes a minute)"
if command -v uv >/dev/null; then
    [ -x .venv/bin/python ] || uv venv --quiet --python "$python" .venv
    install="uv pip install --quiet --python .venv/bin/python"
elif [ -x .venv/bin/uv ]; then
    install=".venv/bin/uv pip install --quiet --python .venv/bin/python"
else
    if [ ! -x .venv/bin/python ]; then
        "$python" -m venv .venv >/dev/null 2>&1 || "$python" -m venv --without-pip .venv ||
            die "'$python -m venv' failed; on Debian: apt-get install python3-venv"
    fi
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then
        pip=".venv/bin/python -m pip"
    else
        wheel=$(pip_wheel) || die "this Python has no pip and Debian's could not be fetched; install it with: apt-get install python3-venv (as root), then try again"
        pip=".venv/bin/python $wheel/pip"
    fi
    install="$pip install --quiet --disable-pip-version-check"
fi
# A lock names everything, so nothing is left to resolve: with --no-deps pip cannot take a newer version than the locked
# one for a package that another one asks for with an extra (pip 23 does, and then refuses its hash).
# shellcheck disable=SC2086
$install --no-deps --require-hashes -r "$lock" || die "installing from $lock failed; is the network up? The message above says what was missing"
# shellcheck disable=SC2086
$install --no-deps --no-build-isolation --editable . || die "installing Pantau itself failed"
rm -f "$stamp".*
echo "$want" >"$stamp.${1:-run}"
say "done"
