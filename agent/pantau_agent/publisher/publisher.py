"""Sends what the spool holds, and deletes only what the collector has answered for.

PUBACK from the broker deletes nothing. The collector's ack names ranges of `seq` as stored, rejected
or deferred; see SPEC.md of the wire contract.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from pantau_agent import clock
from pantau_agent.errors import ConnectionFailedError
from pantau_agent.publisher.connection import Arrived, Connection, Event, Lost, Published, open_connection
from pantau_agent.publisher.window import Lane, Span, Window, WindowLimits
from pantau_wire import codec, topics
from pantau_wire.envelope import VERSION, Header, Status
from pantau_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    import msgspec

    from pantau_agent.config import BrokerConfig, DeliveryConfig
    from pantau_wire.envelope import Ack, Dropped
    from pantau_wire.ranges import Range

log = structlog.get_logger()

_MAX_ENVELOPE_BYTES = 60_000  # before deflating; keeps an envelope small on a bad line
_IDLE_S = 60.0


class SpooledRecord(Protocol):
    """What the publisher needs of a spooled record."""

    @property
    def seq(self) -> int: ...  # noqa: D102
    @property
    def time_ns(self) -> int: ...  # noqa: D102
    @property
    def uptime_ns(self) -> int: ...  # noqa: D102
    @property
    def boot(self) -> str: ...  # noqa: D102
    @property
    def clock(self) -> str: ...  # noqa: D102
    @property
    def data(self) -> bytes: ...  # noqa: D102


class Outbox(Protocol):
    """What the publisher needs of the spool. Methods block on the disk."""

    spool_id: str

    def extent(self) -> Range | None: ...  # noqa: D102
    def peek(self, first_seq: int, last_seq: int, limit: int) -> Sequence[SpooledRecord]: ...  # noqa: D102
    def ack(self, acked: Iterable[Range]) -> None: ...  # noqa: D102
    def reject(self, seqs: Iterable[int]) -> None: ...  # noqa: D102
    def dropped(self) -> Sequence[Dropped]: ...  # noqa: D102
    def forget_dropped(self, dropped: Iterable[Dropped]) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Identity:
    """Who publishes."""

    device: str
    agent_version: str


class Publisher:
    """Keeps a connection while it can, and the window full while there is something to send."""

    def __init__(
        self,
        outbox: Outbox,
        identity: Identity,
        broker: BrokerConfig,
        delivery: DeliveryConfig,
        rng: random.Random | None = None,
    ) -> None:
        """Do nothing yet; `run` does."""
        self._outbox = outbox
        self._identity = identity
        self._broker = broker
        self._delivery = delivery
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        limits = WindowLimits(
            envelopes=delivery.window_envelopes,
            reserved_live=delivery.window_reserved_live,
            first_resend_s=delivery.first_resend_s,
            max_resend_s=delivery.max_resend_s,
        )
        self._window = Window(limits, self._rng)
        self._woken = asyncio.Event()
        self._tickets: dict[int, int] = {}
        self._backlog_at = 0.0
        self._connected: bool | None = None
        self.clock_offset_ms: float | None = None

    def committed(self) -> None:
        """Tell the publisher that the spool has committed something."""
        self._woken.set()

    async def run(self) -> None:
        """Publish until cancelled; a lost connection is an ordinary event."""
        self._window.resume(await asyncio.to_thread(self._outbox.extent))
        failures = 0
        await asyncio.sleep(self._rng.uniform(0, self._broker.reconnect_spread_s / 10))
        while True:
            try:
                await self._serve()
                failures = 0
            except ConnectionFailedError as error:
                failures += 1
                self._log_lost(str(error))
            longest = min(self._broker.reconnect_spread_s, 2.0 ** min(failures, 20))
            await asyncio.sleep(self._rng.uniform(0, longest))

    async def _serve(self) -> None:
        """Hold one connection until it is lost."""
        device = self._identity.device
        connection = await open_connection(
            self._broker,
            device,
            will=(topics.topic(device, "status"), self._status("lost")),
            subscribe=topics.topic(device, "ack"),
        )
        log.info("publisher.connected", host=self._broker.host, port=self._broker.port)
        self._connected = True
        try:
            self._say(connection, "online")
            await self._publish_until_lost(connection)
        except asyncio.CancelledError:
            self._say(connection, "stopped")
            raise
        finally:
            self._window.connection_lost()
            self._tickets.clear()
            await connection.close()

    async def _publish_until_lost(self, connection: Connection) -> None:
        while True:
            await self._fill(connection)
            event = await self._next_event(connection)
            if isinstance(event, Lost):
                self._log_lost(event.reason)
                return
            if event is not None:
                await self._take(event)

    async def _next_event(self, connection: Connection) -> Event | None:
        """Return the next event, or None when something was committed or became due."""
        getter = asyncio.ensure_future(connection.events.get())
        waker = asyncio.ensure_future(self._woken.wait())
        try:
            done, _ = await asyncio.wait(
                {getter, waker}, timeout=self._wait_s(), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waker.cancel()
            if not getter.done():
                getter.cancel()
        self._woken.clear()
        return getter.result() if getter in done else None

    def _wait_s(self) -> float:
        wake_at = self._window.wake_at(self._backlog_at)
        return _IDLE_S if wake_at is None else max(0.0, min(_IDLE_S, wake_at - time.monotonic()))

    async def _fill(self, connection: Connection) -> None:
        """Send while there is something to send and room for it."""
        extent = await asyncio.to_thread(self._outbox.extent)
        if extent is not None:
            self._window.committed(extent[1])
        now = time.monotonic()
        resend_count = self._window.expire(now)
        if resend_count:
            log.info("publisher.unanswered", envelopes_count=resend_count)
        while (found := self._window.next_span(now)) is not None:
            lane, span = found
            if lane == "backlog" and now < self._backlog_at:
                return
            await self._send(connection, lane, span, now)

    async def _send(self, connection: Connection, lane: Lane, span: Span, now: float) -> None:
        limit = self._delivery.envelope_records
        records = await asyncio.to_thread(self._outbox.peek, span.first, span.last, limit)
        if not records:
            self._window.gone(lane, span)
            return
        raw = _fitting(records, min(_MAX_ENVELOPE_BYTES, connection.max_packet_bytes // 2))
        records = records[: len(raw)]
        dropped = tuple(await asyncio.to_thread(self._outbox.dropped))
        payload, content_type = codec.encode_envelope(self._header(records[0], span, dropped), raw)
        ticket = self._window.sent(lane, span, [record.seq for record in records], now, dropped)
        message_id = connection.publish(
            topics.topic(self._identity.device, "measurements"),
            payload,
            content_type,
            self._window.patience_left_s(ticket, now),
        )
        self._tickets[message_id] = ticket
        if lane == "backlog":
            self._backlog_at = now + len(records) / self._delivery.backlog_records_per_s

    def _header(self, first: SpooledRecord, span: Span, dropped: tuple[Dropped, ...]) -> Header:
        return Header(
            v=VERSION,
            device=self._identity.device,
            agent=self._identity.agent_version,
            spool=self._outbox.spool_id,
            boot=first.boot,
            attempt=span.attempt,
            oldest_unacked_seq=min(first.seq, self._window.oldest_unanswered() or first.seq),
            dropped=dropped,
        )

    async def _take(self, event: Event) -> None:
        if isinstance(event, Published):
            ticket = self._tickets.pop(event.message_id, None)
            if ticket is not None and event.nobody_listens:
                self._window.nobody_listens(ticket, time.monotonic())
        elif isinstance(event, Arrived):
            try:
                ack = codec.decode_ack(event.payload, event.content_type)
            except WireError as error:
                log.warning("publisher.bad_ack", reason=error.reason, detail=str(error))
                return
            await self._answered(ack)

    async def _answered(self, ack: Ack) -> None:
        self.clock_offset_ms = (time.time_ns() - ack.time_ns) / 1e6
        if ack.spool != self._outbox.spool_id:
            return
        await asyncio.to_thread(self._outbox.ack, ack.stored)
        await asyncio.to_thread(self._outbox.reject, [entry.seq for entry in ack.rejected])
        for entry in ack.rejected:
            log.warning("publisher.rejected", seq=entry.seq, reason=entry.reason)
        confirmed = self._window.answered(ack, time.monotonic())
        if confirmed:
            await asyncio.to_thread(self._outbox.forget_dropped, confirmed)

    def _say(self, connection: Connection, state: Literal["online", "stopped"]) -> None:
        topic = topics.topic(self._identity.device, "status")
        connection.publish(topic, self._status(state), codec.JSON, retain=True)

    def _status(self, state: Literal["online", "stopped", "lost"]) -> bytes:
        stamp = clock.now()
        status = Status(
            state=state, agent=self._identity.agent_version, boot=stamp.boot, time_ns=stamp.time_ns
        )
        return codec.encode(status)[0]

    def _log_lost(self, reason: str) -> None:
        """Log the transition, not each attempt."""
        if self._connected is not False:
            log.warning("publisher.disconnected", reason=reason)
        self._connected = False


def _fitting(records: Sequence[SpooledRecord], max_bytes: int) -> list[msgspec.Raw]:
    """Return the JSON of as many records as fit, at least one."""
    raw: list[msgspec.Raw] = []
    used = 0
    for record in records:
        text = codec.encode_record(
            seq=record.seq,
            time_ns=record.time_ns,
            uptime_ns=record.uptime_ns,
            clock=record.clock,
            data=record.data,
        )
        used += len(bytes(text))
        if raw and used > max_bytes:
            break
        raw.append(text)
    return raw
