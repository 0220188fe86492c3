#!/bin/sh
# Brings what the tests need beyond Python: Mosquitto and Chromium, from Debian's packages. Without
# root, or without apt, it says what is missing; the tests that need it then skip and say so.
set -eu

missing=""
[ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing for the tests:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    # A package's service must not hold the ports or the CPU that the tests use.
    if command -v systemctl >/dev/null 2>&1; then systemctl stop mosquitto >/dev/null 2>&1 || true; fi
else
    echo "some tests will be skipped; to run them all, as root: apt-get install$missing" >&2
fi
