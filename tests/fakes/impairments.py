"""What goes wrong on a line between two namespaces: loss by nftables, delay by a relay between TUN devices.

Needs root; `why_no_loss()` and `why_no_delay()` say what is missing. Traffic stays in the namespaces.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.network import NetworkError, two_hosts, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.network import Host

NEAR_DELAYED_ADDRESS = "10.99.1.1"
FAR_DELAYED_ADDRESS = "10.99.1.2"
TUN = Path("/dev/net/tun")
RELAY = Path(__file__).with_name("delay_relay.py")
_PERCENT = 100


def why_no_loss() -> str | None:
    """Return why packets cannot be dropped here, None if they can."""
    reason = why_not()
    if reason is not None:
        return reason
    if shutil.which("nft") is None:
        return "nft is missing: apt-get install nftables"
    try:
        with two_hosts() as (_, far):
            drop_arriving(far, "udp dport 9", 1)
    except NetworkError as error:
        return f"the kernel cannot drop packets at random: {error}"
    return None


def why_no_delay() -> str | None:
    """Return why packets cannot be delayed here, None if they can."""
    if not TUN.exists():
        return f"{TUN} is missing: modprobe tun"
    return why_not()


def drop_arriving(host: Host, packets: str, percent: float) -> None:
    """Drop that share of the packets that arrive at `host` and match `packets` (an nftables expression)."""
    _nft(host, "add table ip loss")
    _nft(host, "add chain ip loss arriving { type filter hook input priority 0; }")
    if percent:
        chance = f"numgen random mod {_PERCENT} < {percent}"
        _nft(host, f"add rule ip loss arriving {packets} {chance} counter drop")


def dropped(host: Host) -> list[int]:
    """Return how many packets each `drop_arriving` dropped at `host`, those of 0 percent left out."""
    listed = json.loads(_nft(host, "list table ip loss", "--json"))["nftables"]
    rules = [item["rule"]["expr"] for item in listed if "rule" in item]
    return [part["counter"]["packets"] for rule in rules for part in rule if "counter" in part]


def permit_icmp(host: Host) -> None:
    """Let every user of the host send ICMP echo requests."""
    write = "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range"
    subprocess.run(host.command(["sh", "-c", write]), check=True)


@contextmanager
def delayed(near: Host, far: Host, delay_s: float) -> Iterator[None]:
    """Join the hosts by a second line, of the `*_DELAYED_ADDRESS`es, whose round trip takes `delay_s`."""
    command = [sys.executable, str(RELAY), far.namespace, str(delay_s / 2)]
    relay = near.start(command, stdout=subprocess.PIPE)
    try:
        assert relay.stdout is not None
        if relay.stdout.readline() != b"ready\n":
            raise NetworkError("the delay relay did not start")
        yield
    finally:
        relay.terminate()
        relay.communicate()


def _nft(host: Host, command: str, *options: str) -> str:
    done = subprocess.run(
        host.command(["nft", *options, command]), check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise NetworkError(f"nft {command}: {done.stderr.strip()}")
    return done.stdout
