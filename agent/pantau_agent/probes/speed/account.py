"""What the test puts on the line, and what the interface saw meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psutil

from pantau_agent.probes import interfaces, tcp_info

if TYPE_CHECKING:
    import socket
    from typing import Any

    from pantau_agent.probes.base import TestTraffic

_HEADER_BYTES = 14 + 20 + 32
"""Ethernet, IPv4, and TCP with time stamps, as an interface counts each packet."""
_USUAL_SEGMENT_BYTES = 1448
_BITS = 8
_SEGMENTS_PER_ACK = 2
"""RFC 9293, section 3.8.6.3."""


class InterfaceBytes(NamedTuple):
    """An interface's counters."""

    rx_bytes: int
    tx_bytes: int


class LineAccount:
    """Books a test's own bytes on the interface that leads to the server.

    Headers are estimated from the connection's segment size: 66 octets a full segment (4.6% at 1448
    octets), and as much the other way for every second segment's acknowledgement. A loopback counts every
    packet as sent and as received. The interface is None if it cannot be told: nothing is compared then.
    """

    def __init__(self, address: tuple[Any, ...], test_traffic: TestTraffic) -> None:
        """Find the interface that leads to `address`."""
        self.interface = interfaces.interface_towards(address)
        self.is_loopback = self.interface is not None and interfaces.is_loopback(self.interface)
        self._segment_bytes = _USUAL_SEGMENT_BYTES
        self._test_traffic = test_traffic

    def learn_segments(self, sock: socket.socket) -> None:
        """Take the segment size of a connection that the test uses."""
        self._segment_bytes = tcp_info.segment_bytes(sock)

    def received(self, payload_bytes: int) -> None:
        """Book payload that came in."""
        self._book(rx_bytes=self._with_headers(payload_bytes), tx_bytes=self._acks(payload_bytes))

    def sent(self, payload_bytes: int) -> None:
        """Book payload that went out."""
        self._book(rx_bytes=self._acks(payload_bytes), tx_bytes=self._with_headers(payload_bytes))

    def exchanged(self, each_way_bytes: int) -> None:
        """Book pings, whose weight is known as a whole."""
        self._book(rx_bytes=each_way_bytes, tx_bytes=each_way_bytes)

    def counters(self) -> InterfaceBytes | None:
        """Return the interface's counters, None if there are none."""
        if self.interface is None:
            return None
        found = psutil.net_io_counters(pernic=True, nowrap=False).get(self.interface)
        return InterfaceBytes(found.bytes_recv, found.bytes_sent) if found is not None else None

    def others(self) -> InterfaceBytes | None:
        """Return the interface's counters without what all our tests booked on it, None if there are none."""
        found = self.counters()
        if found is None:
            return None
        rx_bytes, tx_bytes = self._test_traffic.totals(self.interface)
        return InterfaceBytes(found.rx_bytes - rx_bytes, found.tx_bytes - tx_bytes)

    def others_bps(self, before: InterfaceBytes | None, elapsed_s: float) -> float:
        """Return what others moved since `before` in the busier direction, bit/s; 0 where nobody can tell."""
        now = self.others()
        if before is None or now is None:
            return 0.0
        most_bytes = max(now.rx_bytes - before.rx_bytes, now.tx_bytes - before.tx_bytes, 0)
        return most_bytes * _BITS / elapsed_s

    def _with_headers(self, payload_bytes: int) -> int:
        return payload_bytes + payload_bytes * _HEADER_BYTES // self._segment_bytes

    def _acks(self, payload_bytes: int) -> int:
        return payload_bytes * _HEADER_BYTES // (self._segment_bytes * _SEGMENTS_PER_ACK)

    def _book(self, *, rx_bytes: int, tx_bytes: int) -> None:
        if self.is_loopback:
            rx_bytes = tx_bytes = rx_bytes + tx_bytes
        self._test_traffic.add(self.interface, rx_bytes=rx_bytes, tx_bytes=tx_bytes)
