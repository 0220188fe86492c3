"""What the publisher puts on the line: MQTT, TLS, headers and retransmissions, for the data budget.

Linux counts a connection's bytes and segments (TCP_INFO), retransmissions included; the headers of each
segment are added. Elsewhere payloads are counted, with an estimate of what carries them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.probes import interfaces, tcp_info

if TYPE_CHECKING:
    import socket

    from pantau_agent.probes.base import TestTraffic

PURPOSE = "publishing"

_SEGMENT_HEADER_BYTES = 14 + 20 + 32
"""Ethernet, IPv4, and TCP with time stamps."""
_PLAIN_ATTEMPT_BYTES = 250
_TLS_ATTEMPT_BYTES = 4_000
"""About what an attempt that failed took each way: some SYNs, or a handshake with its certificates."""
_MESSAGE_BYTES = 4 * _SEGMENT_HEADER_BYTES + 64
"""About what a message weighs beside its payload where the kernel does not tell: segments, answers, MQTT."""


class _Line(NamedTuple):
    """A connection that stands, and what of it is booked."""

    interface: str | None
    rx_bytes: int
    tx_bytes: int


class PublishingMeter:
    """Books what connections carry, as the publisher opens and closes them. Safe to use from threads."""

    def __init__(self, traffic: TestTraffic) -> None:
        """Book to this account, under a purpose of its own."""
        self._traffic = traffic.purposed(PURPOSE)
        self._lock = threading.Lock()
        self._lines: dict[socket.socket, _Line] = {}

    def opened(self, line: socket.socket) -> None:
        """Begin to count a connection; what its handshakes took counts too."""
        interface = interfaces.interface_of(str(line.getsockname()[0]))
        with self._lock:
            self._lines[line] = _Line(interface, 0, 0)

    def closing(self, line: socket.socket) -> None:
        """Book the last of a connection, while it can still be asked."""
        with self._lock:
            self._book(line)
            self._lines.pop(line, None)

    def failed(self, *, tls: bool) -> None:
        """Book an attempt to connect that failed, by an estimate of each way."""
        each_way_bytes = _TLS_ATTEMPT_BYTES if tls else _PLAIN_ATTEMPT_BYTES
        self._traffic.add(None, rx_bytes=each_way_bytes, tx_bytes=each_way_bytes)

    def carried(self, *, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Book a message by its payload where the kernel does not count."""
        with self._lock:
            uncounted = [known for line, known in self._lines.items() if tcp_info.read(line) is None]
        for known in uncounted[:1]:
            self._traffic.add(
                known.interface, rx_bytes=rx_bytes + _MESSAGE_BYTES, tx_bytes=tx_bytes + _MESSAGE_BYTES
            )

    def read(self) -> None:
        """Book what the connections carried since the last time."""
        with self._lock:
            for line in list(self._lines):
                self._book(line)

    def _book(self, line: socket.socket) -> None:
        known, info = self._lines.get(line), tcp_info.read(line)
        if known is None or info is None:
            return
        rx_bytes = info.bytes_received + info.segments_in * _SEGMENT_HEADER_BYTES
        tx_bytes = info.bytes_sent + info.segments_out * _SEGMENT_HEADER_BYTES
        self._traffic.add(
            known.interface, rx_bytes=rx_bytes - known.rx_bytes, tx_bytes=tx_bytes - known.tx_bytes
        )
        self._lines[line] = _Line(known.interface, rx_bytes, tx_bytes)
