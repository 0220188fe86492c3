"""What the kernel tells about a datagram besides its octets: when it came, and with which TTL.

Linux only: SO_TIMESTAMPNS (socket(7)), IP_RECVTTL (ip(7)), IPV6_RECVHOPLIMIT (ipv6(7)).
"""

import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from typing import NamedTuple

from pantau_testpoint.stamp.packet import NS_PER_S, UNKNOWN_TTL

# From asm-generic/socket.h and linux/in.h; Python 3.11's socket module does not name them.
SO_TIMESTAMPNS_NEW = 64
IP_RECVTTL = 12

_TIMESPEC = struct.Struct("=qq")
_INT = struct.Struct("=i")
ANCILLARY_SIZE = 256
REPLY_TTL = 255
"""So that the sender can tell the hops of the way back."""

AncillaryItem = tuple[int, int, bytes]


class Arrival(NamedTuple):
    """Wall-clock time of reception in ns since 1970, and the TTL or Hop Limit that was left."""

    at_ns: int
    ttl: int


def request_ancillary(sock: socket.socket) -> None:
    """Have the kernel stamp every datagram with time and TTL, as far as it can, and send with TTL 255."""
    wanted = [
        (socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1),
        (socket.IPPROTO_IP, IP_RECVTTL, 1),
        (socket.IPPROTO_IP, socket.IP_TTL, REPLY_TTL),
    ]
    if sock.family == socket.AF_INET6:
        wanted += [
            (socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1),
            (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, REPLY_TTL),
        ]
    for level, option, value in wanted:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)


def read_arrival(ancillary: Iterable[AncillaryItem]) -> Arrival:
    """Read what recvmsg(2) returned beside the data; what is missing is the time now, and TTL 255."""
    at_ns, ttl = 0, UNKNOWN_TTL
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW):
            seconds, ns = _TIMESPEC.unpack_from(data)
            at_ns = seconds * NS_PER_S + ns
        elif (level, kind) in {
            (socket.IPPROTO_IP, socket.IP_TTL),
            (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT),
        }:
            (ttl,) = _INT.unpack_from(data)
    return Arrival(at_ns or time.time_ns(), ttl)
