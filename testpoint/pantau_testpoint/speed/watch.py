"""Notices connections that stopped moving, without a timer or a clock reading in the path of the data."""

import fcntl
import socket
import struct
import sys
import termios
from enum import Enum

from pantau_testpoint.speed.limits import Limits

_ACKED_BYTES_AT = 120
"""Offset of tcpi_bytes_acked, 64 bits, in Linux's struct tcp_info (linux/tcp.h, since 4.1)."""


_INT = struct.Struct("=i")


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "idle"
    HEAD = "head"
    RECEIVING = "receiving"
    SENDING = "sending"
    LINGERING = "lingering"


def acked_bytes(sock: socket.socket) -> int:
    """Return how many octets of ours the other side has acknowledged: what has really left."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED_BYTES_AT + 8)
    return int.from_bytes(info[_ACKED_BYTES_AT:], sys.byteorder)


def unacked_bytes(sock: socket.socket) -> int:
    """Return how many octets of ours wait in the kernel or are under way (SIOCOUTQ, tcp(7))."""
    answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size))
    return int(_INT.unpack(answer)[0])


class Watch:
    """Compares one look at a connection with the look before; all times are monotonic seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: tuple[Phase, int, int] | None = None
        self._moved_at = 0.0
        self._began_at = 0.0

    def began(self, now: float) -> None:
        """Note that a request begins."""
        self._began_at = now

    def too_long(self, phase: Phase, answered_count: int, moved_bytes: int, now: float) -> bool:
        """Return whether nothing changed for the phase's limit, or a transfer as a whole took too long."""
        seen = (phase, answered_count, moved_bytes)
        if seen != self._seen:
            self._seen, self._moved_at = seen, now
        if now - self._moved_at > self._patience_s(phase):
            return True
        in_transfer = phase in {Phase.RECEIVING, Phase.SENDING}
        return in_transfer and now - self._began_at > self._limits.transfer_s

    def _patience_s(self, phase: Phase) -> float:
        limits = self._limits
        return {
            Phase.IDLE: limits.idle_s,
            Phase.HEAD: limits.head_s,
            Phase.RECEIVING: limits.stall_s,
            Phase.SENDING: limits.stall_s,
            Phase.LINGERING: limits.linger_s,
        }[phase]
