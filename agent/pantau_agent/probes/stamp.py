"""Round trips by STAMP (RFC 8762), in either mode, with the session id of RFC 8972.

The delay is (T4 - T1) - (T3 - T2): what the reflector took is not the line's. T1 and T4 are monotonic, so
that a step of our clock does no harm; T4 is the kernel's moment of reception (`arrival`), so that a busy
event loop does not lengthen it.

A reply counts if it comes from the address and port that were asked (the socket is connected), belongs to a
packet that was sent, and repeats its timestamp, which is as good as a secret to whoever cannot read the line.
In authenticated mode its HMAC must be right too; a reply that fails in any of this is no reply.
Each packet is answered once: copies only help to tell the directions apart, and so do late replies.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import dataclass, field
from typing import Self

from pantau_agent.probes import arrival, interfaces, stamp_packet
from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.stamp_loss import FIRST_NUMBER, LostEachWay, lost_each_way

HEADERS_BYTES = 14 + 20 + 8
"""What Ethernet, IPv4 and UDP add to a packet each way."""

_RECEIVE_BYTES = 2048


@dataclass(slots=True)
class _Sent:
    timestamp: int
    at_ns: int
    delay_ns: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Pinger:
    """Sends test packets to one reflector, as one session; use it as an asynchronous context."""

    def __init__(
        self,
        family: socket.AddressFamily,
        address: str,
        port: int,
        timeout_s: float,
        codec: stamp_packet.Codec | None = None,
    ) -> None:
        self._family = family
        self._peer = (address, port)
        self._timeout_s = timeout_s
        self._codec = codec or stamp_packet.Unauthenticated()
        self._ssid = int.from_bytes(os.urandom(2), "big") or 1
        self._sent: dict[int, _Sent] = {}
        self._replies: set[tuple[int, int]] = set()
        self.interface: str | None = None

    async def __aenter__(self) -> Self:
        """Open the socket and listen. Raises ProbeError if there is no way to the reflector."""
        self._sock = _open(self._family, self._peer)
        self.interface = interfaces.interface_of(str(self._sock.getsockname()[0]))
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._receive)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    async def round_trip_ms(self) -> float | None:
        """Return one round-trip delay in ms, or None if the reply did not come in time.

        Raises ProbeError if the packet could not be sent.
        """
        sent = self._send()
        await asyncio.wait([sent.delay_ns], timeout=self._timeout_s)
        if not sent.delay_ns.done():
            return None
        delay_ms = sent.delay_ns.result() / 1e6
        return round(delay_ms, 3) if delay_ms <= self._timeout_s * 1000 else None

    def lost_each_way(self) -> LostEachWay:
        """Return where the packets so far were lost, as far as the reflector's numbers tell."""
        return lost_each_way(len(self._sent), self._replies)

    def _send(self) -> _Sent:
        """Send the next packet; its number is used up only if it left, and its time is taken last.

        What has come is read before, so that no burst after a busy time makes the kernel's queue overflow.
        """
        self._receive()
        number = FIRST_NUMBER + len(self._sent)
        try:
            sent = self._send_once(number)
        except OSError:  # what ICMP said about an earlier packet is told instead of sending this one
            try:
                sent = self._send_once(number)
            except OSError as fault:
                raise error_of(fault, f"STAMP to {self._peer[0]} port {self._peer[1]}") from fault
        self._sent[number] = sent
        return sent

    def _send_once(self, number: int) -> _Sent:
        sent = _Sent(stamp_packet.ntp_timestamp(time.time_ns()), 0)
        octets = self._codec.pack(stamp_packet.Request(number, sent.timestamp, ssid=self._ssid))
        sent.at_ns = time.monotonic_ns()
        self._sock.send(octets)
        return sent

    def _receive(self) -> None:
        """Take all that waits. An error is about an earlier packet of ours, which stays unanswered."""
        while True:
            try:
                octets, at_ns = arrival.receive(self._sock, _RECEIVE_BYTES)
            except OSError:
                return
            self._take(octets, at_ns)

    def _take(self, octets: bytes, at_ns: int) -> None:
        reply = self._codec.unpack(octets)
        sent = self._sent.get(reply.sender_number) if reply is not None else None
        if reply is None or sent is None or reply.sender_timestamp != sent.timestamp:
            return
        if reply.ssid not in {self._ssid, 0}:  # a reflector older than RFC 8972 leaves it zero
            return
        self._replies.add((reply.sender_number, reply.number))
        if not sent.delay_ns.done():
            elapsed_ns = max(at_ns - sent.at_ns, 0)
            dwell_ns = reply.dwell_ns if 0 <= reply.dwell_ns <= elapsed_ns else 0  # its clock was set
            sent.delay_ns.set_result(elapsed_ns - dwell_ns)


def _open(family: socket.AddressFamily, peer: tuple[str, int]) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as fault:
        raise error_of(fault, "open a UDP socket") from fault
    try:
        sock.settimeout(0)
        arrival.request_stamps(sock)
        sock.connect(peer)
    except OSError as fault:
        sock.close()
        raise error_of(fault, f"STAMP to {peer[0]} port {peer[1]}") from fault
    if not arrival.can_tell(sock):
        sock.close()
        raise ProbeError("unsupported", "STAMP needs recvmsg, which this system does not have")
    return sock
