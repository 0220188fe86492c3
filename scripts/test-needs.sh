#!/bin/sh
# Brings what the tests need beyond Python, from Debian's packages: Mosquitto, Chromium, tools for
# networks of namespaces, iperf3 to compare with, snmpd as the router, dnsmasq as a resolver, InfluxDB 1.6, and what boots
# machines for the roles of Ansible. Without root, or without apt, it says
# what is missing; the tests that need it then skip and say so.
set -eu

# chronyd is only unpacked, for tests that look at it: installed it would replace the machine's own time service.
if [ ! -x build/tools/usr/sbin/chronyd ] && command -v apt-get >/dev/null 2>&1; then
    mkdir -p build/tools
    (cd build/tools && apt-get download -qq chrony >/dev/null 2>&1 && dpkg -x chrony_*.deb . && rm chrony_*.deb) ||
        echo "chronyd could not be fetched: the tests that ask it for its opinion are skipped" >&2
fi

missing=""
PATH=$PATH:/usr/sbin:/sbin
for need in mosquitto:mosquitto chromium:chromium tc:iproute2 nft:nftables openssl:openssl iperf3:iperf3 snmpd:snmpd \
        dnsmasq:dnsmasq-base influxd:influxdb curl:curl debootstrap:debootstrap systemd-nspawn:systemd-container \
        ssh:openssh-client; do
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
    if command -v systemctl >/dev/null 2>&1; then systemctl stop mosquitto snmpd influxdb >/dev/null 2>&1 || true; fi
else
    echo "some tests will be skipped; to run them all, as root: apt-get install$missing" >&2
fi
