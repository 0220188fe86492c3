"""What a full frame carries on such a line, and what the shaper counts for it: looked at, not assumed.

The near host captures what the far one sends it, with a packet socket; the far host's aggregation of segments
is switched off for that. tbf's own counters tell the mean of a line on which segments are aggregated.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.fakes import network

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.network import Host

ROOT = Path(__file__).parents[3]
RATE_MBIT = 50
PORT = 5001
TRANSFER_BYTES, CAPTURED_COUNT = 4_000_000, 1000
GIVE_UP_S = 20.0
_ETH_P_IP, _ETHERNET_BYTES = 0x0800, 14


class Frame(NamedTuple):
    """Octets of a frame, and of the TCP payload in it."""

    frame_bytes: int
    payload_bytes: int


def full_frame() -> Frame:
    """Return the commonest frame with payload of a transfer in full swing."""
    with network.two_hosts(rate_mbit=RATE_MBIT) as (near, far):
        network.run("ip", "-n", far.namespace, "link", "set", "link0", "gso_max_segs", "1")
        with near.start(_module("capture"), stdout=subprocess.PIPE, cwd=ROOT) as capture:
            _transfer(near, far)
            assert capture.stdout is not None
            return Frame(*json.loads(capture.stdout.read()))


def counted_bytes() -> float:
    """Return how many octets tbf counts for a packet of a transfer, in the mean."""
    with network.two_hosts(rate_mbit=RATE_MBIT) as (near, far):
        _transfer(near, far)
        shown = network.run("tc", "-n", far.namespace, "-s", "-j", "qdisc", "show", "dev", "link0")
    counters = json.loads(shown)[0]
    return float(counters["bytes"] / counters["packets"])


def _module(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.agent.truth.frames", *arguments]


def _transfer(near: Host, far: Host) -> None:
    with far.serving(_module("send", far.address), PORT, cwd=ROOT):
        near.output(_module("receive", far.address), cwd=ROOT, timeout=GIVE_UP_S)


# What runs inside the namespaces.


def send(address: str) -> None:
    """Send some megabytes to the first who connects."""
    with socket.create_server((address, PORT)) as listener, listener.accept()[0] as sock:
        sock.sendall(bytes(TRANSFER_BYTES))


def receive(address: str) -> None:
    """Take all that is sent."""
    with socket.create_connection((address, PORT)) as sock:
        while sock.recv(1 << 20):
            pass


def capture() -> None:
    """Print the commonest sizes among the next thousand frames that carry TCP payload."""
    seen: Counter[Frame] = Counter()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP)) as sock:
        sock.settimeout(GIVE_UP_S)
        while seen.total() < CAPTURED_COUNT:
            octets = sock.recv(1 << 17)
            if payload := tcp_payload_bytes(octets):
                seen[Frame(len(octets), payload)] += 1
    sys.stdout.write(json.dumps(seen.most_common(1)[0][0]))


def tcp_payload_bytes(frame: bytes) -> int:
    """Return the octets of TCP payload in an Ethernet frame of IPv4 (RFC 791, RFC 9293), 0 for another."""
    ip = frame[_ETHERNET_BYTES:]
    if ip[9] != socket.IPPROTO_TCP:
        return 0
    ip_head, ip_total = (ip[0] & 15) * 4, int.from_bytes(ip[2:4], "big")
    return ip_total - ip_head - (ip[ip_head + 12] >> 4) * 4


if __name__ == "__main__":
    parts: dict[str, Callable[..., None]] = {"capture": capture, "send": send, "receive": receive}
    parts[sys.argv[1]](*sys.argv[2:])
