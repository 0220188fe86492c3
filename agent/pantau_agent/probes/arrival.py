"""When a packet came: the kernel's moment of reception on the monotonic clock.

The kernel stamps with the wall clock (SO_TIMESTAMPNS, socket(7)), which may be set at any time. So the stamp
is moved to the monotonic clock by the distance of the two when the packet is read. A busy event loop does
not lengthen a delay then, and a step of the clock does no harm.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from typing import NamedTuple

_SO_TIMESTAMPNS = 64  # SO_TIMESTAMPNS_NEW of asm-generic/socket.h, which Python 3.11 does not name
_TIMESPEC = struct.Struct("=qq")
_NS_PER_S = 1_000_000_000
_ANCILLARY_BYTES = 128
_TRIES, _CLOSE_NS = 5, 10_000
_OLDEST_NS = 60 * _NS_PER_S
"""A packet that seems to have waited longer in our kernel tells that our clock was set."""


class Arrival(NamedTuple):
    """A packet, and when it came in ns of `time.monotonic_ns`."""

    octets: bytes
    at_ns: int


def can_tell(sock: socket.socket) -> bool:
    """Tell whether `receive` works here: not on Windows."""
    return hasattr(sock, "recvmsg")


def request_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp what comes; where it cannot, the moment of reading is taken."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(sock: socket.socket, size: int) -> Arrival:
    """Read one packet. Raises OSError as recvmsg(2) does, BlockingIOError where nothing waits."""
    octets, ancillary, _, _ = sock.recvmsg(size, _ANCILLARY_BYTES)
    read_at_ns = time.monotonic_ns()
    stamp_ns = _stamp_ns(ancillary)
    if stamp_ns is None:
        return Arrival(octets, read_at_ns)
    at_ns = stamp_ns + _monotonic_minus_wall_ns()
    return Arrival(octets, at_ns if 0 <= read_at_ns - at_ns <= _OLDEST_NS else read_at_ns)


def _stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """Return the kernel's stamp in ns since 1970, None where it does not say."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, ns = _TIMESPEC.unpack_from(data)
            return int(seconds * _NS_PER_S + ns)
    return None


def _monotonic_minus_wall_ns() -> int:
    """Return the distance of the two clocks, read again where we were interrupted between them."""
    best_ns, distance_ns = _NS_PER_S, 0
    for _ in range(_TRIES):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if after_ns - before_ns < best_ns:
            best_ns, distance_ns = after_ns - before_ns, (before_ns + after_ns) // 2 - wall_ns
        if best_ns <= _CLOSE_NS:
            break
    return distance_ns
