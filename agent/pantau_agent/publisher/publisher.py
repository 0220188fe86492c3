"""Sends what the spool holds, and deletes only what the collector has answered for.

PUBACK from the broker deletes nothing. The collector's ack names ranges of `seq` as stored, rejected
or deferred; see SPEC.md of the wire contract.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import structlog

from pantau_agent.errors import ConfigError, ConnectionFailedError, SpoolDamagedError, SpoolError
from pantau_agent.publisher.connection import (
    Arrived,
    Committed,
    Connection,
    Event,
    Lost,
    Published,
    Reported,
    open_connection,
)
from pantau_agent.publisher.messages import Messages
from pantau_agent.publisher.numbering import beside, in_the_file, number_of
from pantau_agent.publisher.packing import pack, unreadable
from pantau_agent.publisher.server_clock import ServerClock
from pantau_agent.publisher.transitions import Transitions
from pantau_agent.publisher.window import Lane, Span, Window, WindowLimits
from pantau_wire import codec, topics
from pantau_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from pantau_agent.config import BrokerConfig, DeliveryConfig
    from pantau_agent.publisher.messages import Identity
    from pantau_agent.publisher.meter import Meter
    from pantau_agent.publisher.outbox import Numbering, Outbox, SpooledRecord
    from pantau_agent.publisher.remote_topics import RemoteTopics
    from pantau_agent.timekeeping import Timekeeper
    from pantau_wire.envelope import Ack, Dropped, Header

log = structlog.get_logger()

_IDLE_S = 60.0
_SPOOL_PAUSE_S = 5.0
_PUBACKS_MISSING = 100  # so many, though acks come: far beyond the window, far below MQTT's 65,535 ids
_TIME_TICKET = 0  # of questions for the time; the window's tickets begin at 1
_RECONNECT_S = (0.1, 0.5)  # at least so long, and the shortest upper end of the jitter


class Publisher:
    """Keeps a connection while it can, and the window full while there is something to send."""

    def __init__(
        self,
        outbox: Outbox,
        identity: Identity,
        broker: BrokerConfig,
        delivery: DeliveryConfig,
        timekeeper: Timekeeper,
        *,
        rng: random.Random | None = None,
        remote: RemoteTopics | None = None,
        meter: Meter | None = None,
    ) -> None:
        """Do nothing yet; `run` does."""
        self._outbox = outbox
        self._messages = Messages(identity, timekeeper.read, remote)
        self._identity = identity
        self._broker = broker
        self._delivery = delivery
        self._remote = remote
        self._meter = meter
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        limits = WindowLimits(
            envelopes=delivery.window_envelopes,
            reserved_live=delivery.window_reserved_live,
            first_resend_s=delivery.first_resend_s,
            max_resend_s=delivery.max_resend_s,
        )
        self._window = Window(limits, self._rng)
        self._timekeeper = timekeeper
        self._server_clock = ServerClock(timekeeper, self._window.patience_s)
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._tickets: dict[int, int] = {}
        self._backlog_at = 0.0
        self._transitions = Transitions()
        self.on_time: Callable[[], None] = lambda: None
        """Called when an answer told the time, and records that waited for it can be committed."""
        self.on_token: Callable[[str], None] = lambda _token: None
        """Called in a thread of its own when an answer brought a token for the testpoint."""

    @property
    def clock_offset_ms(self) -> float | None:
        """This device's clock minus the collector's, as the quickest of the recent answers showed it."""
        return self._server_clock.offset_ms

    @property
    def connected(self) -> bool:
        """Whether a connection to the broker stands."""
        return bool(self._transitions.connected)

    def committed(self) -> None:
        """Tell the publisher that the spool has committed something."""
        self._events.put_nowait(Committed())

    def reported(self) -> None:
        """Tell the publisher that the status has something new to say of the remote configuration."""
        self._events.put_nowait(Reported())

    async def run(self) -> None:
        """Publish until cancelled; a lost connection is an ordinary event."""
        self._window.resume(await asyncio.to_thread(self._outbox.extent))
        failures = 0
        await asyncio.sleep(self._rng.uniform(0, self._broker.reconnect_spread_s / 10))
        while True:
            longest_s = self._broker.reconnect_spread_s
            try:
                await self._serve()
                failures = 0
            except (ConnectionFailedError, ConfigError) as error:
                failures += 1
                longest_s = min(longest_s, 2.0 ** min(failures, 20))
                self._transitions.lost(str(error))
            shortest_s, upper_s = _RECONNECT_S
            await asyncio.sleep(self._rng.uniform(shortest_s, max(upper_s, longest_s)))

    async def _serve(self) -> None:
        """Hold one connection until it is lost."""
        device = self._identity.device
        connection = await open_connection(
            self._broker,
            device,
            will=(topics.topic(device, "status"), self._messages.status("lost")),
            subscribe=topics.topic(device, "ack"),
            also=self._remote.topics if self._remote else (),
            meter=self._meter,
        )
        self._events = connection.events
        self._window.connected(self._outbox.last_seq)
        self._server_clock.connected()
        self._transitions.stands(self._broker.host, self._broker.port)
        try:
            self._say(connection, "online")
            self._transitions.lost(await self._publish_until_lost(connection))
        except asyncio.CancelledError:
            self._say(connection, "stopped")
            raise
        finally:
            self._window.connection_lost()
            self._tickets.clear()
            await connection.close()

    async def _publish_until_lost(self, connection: Connection) -> str:
        """Send and take answers; return why that had to end."""
        while True:
            try:
                if not await self._fill(connection):
                    return "the broker does not acknowledge"
                event = await self._next_event(connection)
                if isinstance(event, Lost):
                    return event.reason
                if isinstance(event, Reported):
                    self._say(connection, "online")
                await self._take(event)
            except SpoolDamagedError:
                raise
            except SpoolError as error:
                self._transitions.spool(str(error))
                await asyncio.sleep(_SPOOL_PAUSE_S)

    async def _next_event(self, connection: Connection) -> Event | None:
        """Return the next event, or None when something became due."""
        ask_at = self._server_clock.ask_at(self._window.paused_until)
        due = [self._window.wake_at(self._backlog_at), ask_at]
        wake_at = min((at for at in due if at is not None), default=None)
        wait_s = _IDLE_S if wake_at is None else max(0.0, min(_IDLE_S, wake_at - time.monotonic()))
        try:
            async with asyncio.timeout(wait_s):
                return await connection.events.get()
        except TimeoutError:
            return None

    async def _fill(self, connection: Connection) -> bool:
        """Send while there is something to send and room for it; tell whether the broker is alive."""
        self._window.committed(self._outbox.last_seq)
        now = time.monotonic()
        overdue = self._window.expire(now)
        if overdue:
            log.info("publisher.unanswered", envelopes_count=len(overdue))
        if len(self._tickets) > _PUBACKS_MISSING or not set(overdue).isdisjoint(self._tickets.values()):
            return False
        ask_at = self._server_clock.ask_at(self._window.paused_until)
        if ask_at is not None and ask_at <= now:
            self._ask_time(connection, now)
        while (found := self._window.next_span(now)) is not None:
            lane, span = found
            if lane == "backlog" and now < self._backlog_at:
                break
            await self._send(connection, lane, span, now)
        self._transitions.spool(None)
        return True

    def _ask_time(self, connection: Connection, now: float) -> None:
        """Send an envelope without records: its ack tells the time."""
        next_seq = self._outbox.last_seq + 1
        numbering = self._outbox.eras.of_seq(next_seq)
        oldest = number_of(self._window.oldest_unanswered() or next_seq, numbering)
        header = self._messages.header(numbering.spool_id, self._timekeeper.boot, attempt=1, oldest=oldest)
        self._publish(
            connection, *codec.encode_envelope(header, []), self._server_clock.asked(now), _TIME_TICKET
        )

    async def _send(self, connection: Connection, lane: Lane, span: Span, now: float) -> None:
        """Send the beginning of the span; or drop what can never be delivered, and leave the rest in it."""
        limit = self._delivery.envelope_records
        records = await asyncio.to_thread(self._outbox.peek, span.first, span.last, limit)
        if not records:
            self._window.gone(lane, span)
            return
        if damaged := unreadable(records):
            await asyncio.to_thread(self._outbox.give_up, damaged, "spool_damaged")
            return
        dropped = await asyncio.to_thread(self._outbox.dropped)
        numbering = self._outbox.eras.of_seq(records[0].seq)
        header = self._header(records[0], numbering, span.attempt, dropped)
        packed = pack(header, records, connection.max_packet_bytes, numbering)
        if packed is None:
            await asyncio.to_thread(self._outbox.give_up, [records[0].seq], "too_large")
            return
        announced = dropped[: len(packed.dropped)]
        ticket = self._window.sent(lane, span, packed.seqs, now, announced)
        patience_s = self._window.patience_left_s(ticket, now)
        self._publish(connection, packed.payload, packed.content_type, patience_s, ticket)
        if lane == "backlog":
            self._backlog_at = now + len(packed.seqs) / self._delivery.backlog_records_per_s

    def _header(
        self, first: SpooledRecord, numbering: Numbering, attempt: int, dropped: Sequence[Dropped]
    ) -> Header:
        """Return the header of an envelope that begins with this record."""
        oldest = min(first.seq, self._window.oldest_unanswered() or first.seq)
        return self._messages.header(
            numbering.spool_id,
            first.boot,
            attempt=attempt,
            oldest=number_of(oldest, numbering),
            dropped=beside(numbering, dropped, self._outbox.spool_id),
        )

    def _publish(
        self, connection: Connection, payload: bytes, content_type: str, patience_s: float, ticket: int
    ) -> None:
        expiry_s = patience_s if self._delivery.message_expiry else None
        topic = topics.topic(self._identity.device, "measurements")
        self._tickets[connection.publish(topic, payload, content_type, expiry_s)] = ticket

    async def _take(self, event: Event | None) -> None:
        if isinstance(event, Published):
            ticket = self._tickets.pop(event.message_id, None)
            if ticket is not None:
                self._acknowledged(ticket, event.refusal)
        elif isinstance(event, Arrived) and self._remote and event.topic in self._remote.topics:
            self._remote.arrived(event.topic, event.payload, event.content_type)
        elif isinstance(event, Arrived):
            try:
                ack = codec.decode_ack(event.payload, event.content_type)
            except WireError as error:
                log.warning("publisher.bad_ack", reason=error.reason, detail=str(error))
                return
            await self._answered(ack)

    def _acknowledged(self, ticket: int, refusal: str | None) -> None:
        """Take a PUBACK: it deletes nothing, but a refusal means pause."""
        if refusal is None:
            self._window.taken()
        else:
            self._window.refused(ticket, time.monotonic())
        self._transitions.taken(refusal)

    async def _answered(self, ack: Ack) -> None:
        if self._server_clock.answered(ack):
            self.on_time()
        if isinstance(ack.testpoint_token, str):
            await asyncio.to_thread(self.on_token, ack.testpoint_token)
        numbering = self._outbox.eras.of_spool(ack.spool)
        if numbering is None:
            return
        ack = in_the_file(ack, numbering)
        await asyncio.to_thread(self._outbox.ack, ack.stored)
        await asyncio.to_thread(self._outbox.reject, [entry.seq for entry in ack.rejected])
        if ack.rejected:
            first = ack.rejected[0]
            log.warning(
                "publisher.rejected",
                records_count=len(ack.rejected),
                first_seq=first.seq,
                first_reason=first.reason,
            )
        confirmed = self._window.answered(ack, time.monotonic())
        if confirmed:
            await asyncio.to_thread(self._outbox.forget_dropped, confirmed)

    def _say(self, connection: Connection, state: Literal["online", "stopped"]) -> None:
        topic = topics.topic(self._identity.device, "status")
        connection.publish(topic, self._messages.status(state), codec.JSON, retain=True)
