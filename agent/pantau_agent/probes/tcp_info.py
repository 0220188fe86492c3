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
from typing import Literal

# Eight octets of flags, then 32-bit numbers, then from offset 104 on 64-bit ones too; the last since 5.4.
_SEGMENT_SENT_AT = 16
_SACKED_AT = 28
_RTT_US_AT = 68
_TOTAL_RETRANS_AT = 100
_BYTES_ACKED_AT = 120
_BYTES_RECEIVED_AT = 128
_SEGMENTS_OUT_AT = 136
_SEGMENTS_IN_AT = 140
_DATA_SEGMENTS_IN_AT = 152
_BYTES_SENT_AT = 200
_OUT_OF_ORDER_AT = 224
_NEEDED_BYTES = _OUT_OF_ORDER_AT + 4
_INT = struct.Struct("=i")


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """Part of tcp_info. `bytes_acked` counts the SYN as one, and request headers like any payload.

    `bytes_sent` and `segments_out` count what was sent again as often as it was sent.
    `bytes_acked` and `bytes_received` end where the first segment is missing. `sacked_bytes` lie behind that
    and have arrived all the same (RFC 2018), in full segments; `data_segments_in` and
    `out_of_order_segments_in` count such segments too, from the connection's beginning.
    """

    rtt_us: int
    total_retrans: int
    bytes_acked: int
    bytes_received: int
    bytes_sent: int
    segments_in: int
    segments_out: int
    sacked_bytes: int
    data_segments_in: int
    out_of_order_segments_in: int


def read(sock: socket.socket) -> TcpInfo | None:
    """Return what the kernel knows of `sock`, or None where it does not say."""
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _NEEDED_BYTES)
    except OSError:
        return None
    if len(raw) < _NEEDED_BYTES:
        return None
    return TcpInfo(
        rtt_us=_number("L", raw, _RTT_US_AT),
        total_retrans=_number("L", raw, _TOTAL_RETRANS_AT),
        bytes_acked=_number("Q", raw, _BYTES_ACKED_AT),
        bytes_received=_number("Q", raw, _BYTES_RECEIVED_AT),
        bytes_sent=_number("Q", raw, _BYTES_SENT_AT),
        segments_in=_number("L", raw, _SEGMENTS_IN_AT),
        segments_out=_number("L", raw, _SEGMENTS_OUT_AT),
        sacked_bytes=_number("L", raw, _SACKED_AT) * _number("L", raw, _SEGMENT_SENT_AT),
        data_segments_in=_number("L", raw, _DATA_SEGMENTS_IN_AT),
        out_of_order_segments_in=_number("L", raw, _OUT_OF_ORDER_AT),
    )


def _number(size: Literal["L", "Q"], raw: bytes, at: int) -> int:
    return int(struct.unpack_from(f"={size}", raw, at)[0])


def unacknowledged_bytes(sock: socket.socket) -> int | None:
    """Return how many octets that `sock` took the far end has not acknowledged (SIOCOUTQ, tcp(7))."""
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415 - not on every system
    import termios  # noqa: PLC0415

    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(_INT.size))
    except OSError:
        return None
    return int(_INT.unpack(answer)[0])


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
