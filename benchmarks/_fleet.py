"""Simulated devices in one process: the agent's own window and envelopes, a TLS connection for each device.

What the agent does over minutes is pressed into seconds: everything that it waits for is `faster` times
shorter, the interval of measuring, the re-sends and with them the expiry of messages. MQTT tells an expiry in
whole seconds, which the agent rounds up, so that it is longer here than it would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from typing import TYPE_CHECKING

import mqtt5

from benchmarks.wire_codec import MINUTE
from pantau_agent.config import DeliveryConfig
from pantau_agent.publisher.window import Window, WindowLimits
from pantau_wire import codec, topics
from pantau_wire.envelope import Header

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from pantau_agent.publisher.window import Lane, Span

HOST = "127.0.0.1"
MEASURE_S = 60.0
_DELIVERY = DeliveryConfig()
_DATA = [codec.encode_measurement(measurement) for measurement in MINUTE]
_AT_ONCE = 50
_NOBODY = mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS


class Device(asyncio.Protocol):
    """Measures ten records a (pressed) minute; a spool that holds everything lies behind the window."""

    def __init__(self, name: str, faster: float) -> None:
        """Do nothing yet; `connect` and `live` do."""
        self.name = name
        self.refused_count = 0
        self.sent_count = 0
        self.last_seq = 0
        self._faster = faster
        self._began_ns = time.time_ns()
        self._rng = random.Random(name)
        limits = WindowLimits(
            first_resend_s=_DELIVERY.first_resend_s / faster, max_resend_s=_DELIVERY.max_resend_s / faster
        )
        self._window = Window(limits, self._rng)
        self._tickets: dict[int, int] = {}
        self._packet_ids = itertools.cycle(range(1, 60_000))
        self._changed = asyncio.Event()
        self._backlog_at = 0.0
        self._rest = b""

    async def connect(self, port: int, tls: ssl.SSLContext) -> None:
        """Connect and subscribe to the acks."""
        self._subscribed = asyncio.get_running_loop().create_future()
        await asyncio.get_running_loop().create_connection(lambda: self, HOST, port, ssl=tls)
        await self._subscribed

    @property
    def delivered(self) -> bool:
        """Whether everything was answered."""
        return self._window.oldest_unanswered() is None

    async def live(self, over: asyncio.Event) -> None:
        """Measure until it is over, and deliver until cancelled."""
        measure_s = MEASURE_S / self._faster
        measure_at = time.monotonic() + self._rng.uniform(0, measure_s)
        while True:
            now = time.monotonic()
            if now >= measure_at and not over.is_set():
                measure_at += measure_s
                self.last_seq += len(_DATA)
                self._window.committed(self.last_seq)
            self._fill(now)
            due = self._window.wake_at(self._backlog_at)
            wake_at = min(at for at in (due, measure_at if not over.is_set() else None, now + 60) if at)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(0.0, wake_at - now))
            self._changed.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves as the agent does."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(mqtt5.ConnectPacket(self.name, clean_start=True, keep_alive=3600).write())
        acks = mqtt5.TopicFilter(topics.topic(self.name, "ack"), max_qos=mqtt5.QoS.AT_MOST_ONCE)
        transport.write(mqtt5.SubscribePacket(1, [acks]).write())

    def connection_lost(self, _error: Exception | None) -> None:
        """Make what is unanswered a backlog; nobody cuts these connections but the end."""
        self._window.connection_lost()

    def data_received(self, data: bytes) -> None:
        """Take PUBACKs and acks."""
        buffer, offset = memoryview(self._rest + data), 0
        with contextlib.suppress(IndexError):
            while offset < len(buffer):
                packet, size = mqtt5.read(buffer[offset:])
                offset += size
                self._take(packet)
        self._rest = bytes(buffer[offset:])

    def time_ns(self, seq: int) -> int:
        """Return when a record was measured."""
        minute, number = divmod(seq, len(_DATA))
        return self._began_ns + round(minute * MEASURE_S / self._faster * 1e9) + number

    def close(self) -> None:
        """Go away without a word."""
        self._transport.abort()

    def _take(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.SubAckPacket):
            self._subscribed.set_result(None)
        elif isinstance(packet, mqtt5.PubAckPacket):
            self._acknowledged(self._tickets.pop(packet.packet_id), packet.reason_code)
        elif isinstance(packet, mqtt5.PublishPacket):
            self._window.answered(codec.decode_ack(packet.payload, packet.content_type), time.monotonic())
        self._changed.set()

    def _acknowledged(self, ticket: int, reason: mqtt5.PubAckReasonCode) -> None:
        if reason == _NOBODY:
            self.refused_count += 1
            self._window.refused(ticket, time.monotonic())
        else:
            self._window.taken()

    def _fill(self, now: float) -> None:
        self._window.expire(now)
        while (found := self._window.next_span(now)) is not None:
            lane, span = found
            if lane == "backlog" and now < self._backlog_at:
                return
            self._send(lane, span, now)

    def _send(self, lane: Lane, span: Span, now: float) -> None:
        seqs = range(span.first, min(span.last, span.first + _DELIVERY.envelope_records - 1) + 1)
        ticket = self._window.sent(lane, span, seqs, now)
        expiry_s = int(self._window.patience_left_s(ticket, now)) + 1
        payload, content_type = _envelope(self, seqs, span.attempt, expiry_s)
        packet_id = next(self._packet_ids)
        self._tickets[packet_id] = ticket
        self.sent_count += 1
        self._transport.write(
            mqtt5.PublishPacket(
                topics.topic(self.name, "measurements"),
                payload,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                packet_id=packet_id,
                content_type=content_type,
                message_expiry_interval=expiry_s,
            ).write()
        )
        if lane == "backlog":
            self._backlog_at = now + len(seqs) / (_DELIVERY.backlog_records_per_s * self._faster)


def _envelope(device: Device, seqs: Iterable[int], attempt: int, expiry_s: int) -> tuple[bytes, str]:
    """Return an envelope of ordinary measurements; the agent's version tells when it is stale."""
    numbers = list(seqs)
    uptime_ns = time.monotonic_ns()
    header = Header(
        v=1,
        device=device.name,
        agent=f"0.1.0+{expiry_s}",
        spool="b7e1c2d4",
        boot="5f0c7e9a",
        attempt=min(attempt, 1_000_000),
        oldest_unacked_seq=numbers[0],
        sent_uptime_ns=uptime_ns,
    )
    records = [
        codec.encode_record(
            seq=seq, time_ns=device.time_ns(seq), uptime_ns=seq, clock="synced", data=_DATA[seq % len(_DATA)]
        )
        for seq in numbers
    ]
    return codec.encode_envelope(header, records)


async def connect_all(devices: list[Device], port: int, contexts: dict[str, ssl.SSLContext]) -> None:
    """Connect some at a time: the handshakes cost the broker's processor."""
    for start in range(0, len(devices), _AT_ONCE):
        group = devices[start : start + _AT_ONCE]
        await asyncio.gather(*(device.connect(port, contexts[device.name]) for device in group))
