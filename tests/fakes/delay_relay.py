"""A line with a known delay: `ip netns exec NEAR python delay_relay.py FAR SECONDS`, until SIGTERM.

Makes two TUN devices, moves one of them into the namespace FAR, and carries packets between them; each is
let go SECONDS after it came, neither earlier nor, as far as the machine allows, later. Prints "ready".
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time
from itertools import count

NEAR, FAR = ("10.99.1.1", "near-tun"), ("10.99.1.2", "far-tun")
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_MAX_PACKET = 65_535
_PRIORITY = 10


def make_tun(name: str) -> int:
    """Return the descriptor of a new TUN device of this namespace."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    return fd


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *arguments], check=True)


def set_up(namespace: list[str], device: str, address: str, peer: str) -> None:
    """Give a device its address, and a route to the other end."""
    ip(*namespace, "addr", "add", address, "peer", peer, "dev", device)
    ip(*namespace, "link", "set", device, "up")


def carry(ends: tuple[int, int], delay_s: float) -> None:
    """Carry packets both ways for ever, in the order of their release."""
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    waiting: list[tuple[float, int, int, bytes]] = []
    order = count()
    while True:
        wait_s = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
        readable, _, _ = select.select(ends, [], [], wait_s)
        now_s = time.monotonic()
        for end in readable:
            heapq.heappush(waiting, (now_s + delay_s, next(order), other[end], os.read(end, _MAX_PACKET)))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(waiting)
            with contextlib.suppress(OSError):  # a full queue drops, as on any router
                os.write(end, packet)


def main(far_namespace: str, delay_s: float) -> None:
    """Make the line and be it."""
    ends = make_tun(NEAR[1]), make_tun(FAR[1])
    ip("link", "set", FAR[1], "netns", far_namespace)
    set_up([], NEAR[1], NEAR[0], FAR[0])
    set_up(["-n", far_namespace], FAR[1], FAR[0], NEAR[0])
    with contextlib.suppress(OSError):  # a busy machine delays the rest of us less
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    carry(ends, delay_s)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
