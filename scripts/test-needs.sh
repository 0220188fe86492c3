#!/bin/sh
# Brings what the tests need beyond Python, from Debian's packages: Mosquitto, Chromium, tools for
# networks of namespaces, iperf3 to compare with. Without root, or without apt, it says what is missing;
# the tests that need it then skip and say so.
set -eu

missing=""
PATH=$PATH:/usr/sbin:/sbin
for need in mosquitto:mosquitto chromium:chromium tc:iproute2 nft:nftables openssl:openssl iperf3:iperf3; do
    command -v "${need%%:*}" >/dev/null 2>&1 || missing="$missing ${need##*:}"
done
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
