"""What the system knows of a TCP connection, and how to end one at once.

On Linux that is struct tcp_info of linux/tcp.h, by fixed offsets; None where the kernel does not give it
(another system, or a struct too short).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from dataclasses import dataclass

# Eight octets of flags, then 32-bit numbers, then from offset 104 on 64-bit ones (since 4.1).
_RTT_US_AT = 68
_TOTAL_RETRANS_AT = 100
_BYTES_ACKED_AT = 120
_BYTES_ACKED_END = _BYTES_ACKED_AT + 8


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """Part of tcp_info. `bytes_acked` counts the SYN as one, and request headers like any payload."""

    rtt_us: int
    total_retrans: int
    bytes_acked: int


def read(sock: socket.socket) -> TcpInfo | None:
    """Return what the kernel knows of `sock`, or None where it does not say."""
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_END)
    except OSError:
        return None
    if len(raw) < _BYTES_ACKED_END:
        return None
    return TcpInfo(
        rtt_us=struct.unpack_from("=L", raw, _RTT_US_AT)[0],
        total_retrans=struct.unpack_from("=L", raw, _TOTAL_RETRANS_AT)[0],
        bytes_acked=struct.unpack_from("=Q", raw, _BYTES_ACKED_AT)[0],
    )


def reset_on_close(sock: socket.socket) -> None:
    """Let closing the socket reset the connection: nothing is sent any more, and no TIME_WAIT stays."""
    linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
    with contextlib.suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def segment_bytes(sock: socket.socket, default: int = 1448) -> int:
    """Return the payload octets of a full segment on this connection; `default` where unknown."""
    option = getattr(socket, "TCP_MAXSEG", None)
    if option is None:
        return default
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, option) or default
    except OSError:
        return default
