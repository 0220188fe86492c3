"""The running ingest: one shared subscription, batches, and answers after the store has the data.

A message is answered (PUBACK to the broker, ack to the device) only after its batch is durable, or
after the device was told to come back later. When the connection is lost, what was not written yet is
forgotten: nobody was answered, so the devices send it again.

What waits in memory is bounded: beyond that nothing is read from the broker, which then has to wait.

Two batches may be on their way to the store: while one waits for the disk or the network, the next is made
ready. Answers go out in the order of arrival all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import structlog

from pantau_collector import mqtt
from pantau_collector.errors import BrokerError, StoreRefusesError, StoreUnavailableError
from pantau_collector.ingest import answers
from pantau_collector.ingest.admission import Admission
from pantau_collector.ingest.pace import Pace
from pantau_collector.ingest.sorting import Message, Rules, Sorted
from pantau_wire import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import mqtt5

    from pantau_collector.config import IngestConfig
    from pantau_collector.ingest.tokens import TokenDesk
    from pantau_collector.ingest.writer import Writer
    from pantau_collector.metrics import Metrics
    from pantau_collector.storage.base import Refusal
    from pantau_wire.envelope import DeferReason

log = structlog.get_logger()

_WRITES_AT_ONCE = 2


@dataclass(slots=True)
class _Gathering:
    """Messages that wait to be written together."""

    messages: list[Sorted] = field(default_factory=list)
    packet_ids: list[int] = field(default_factory=list)
    records_count: int = 0
    text_bytes: int = 0
    sent_again: bool = False
    being_written: bool = False
    released: bool = False

    def add(self, found: Sorted) -> None:
        self.messages.append(found)
        self.sent_again |= found.attempt > 1
        self.records_count += len(found.records)
        self.text_bytes += found.text_bytes


class Ingest:
    """Takes messages from the broker until cancelled."""

    def __init__(
        self,
        writer: Writer,
        config: IngestConfig,
        metrics: Metrics,
        is_registered: Callable[[str], bool],
        desk: TokenDesk | None = None,
    ) -> None:
        """Do nothing yet; `run` does."""
        self._writer = writer
        self._desk = desk
        self._config = config
        self._metrics = metrics
        rules = Rules(is_registered, config.unregistered_retry_s, config.newer_agent_retry_s)
        self._admission = Admission(rules, config, metrics)
        self._max_waiting_bytes = config.waiting_mb * 1_000_000
        self._pace = Pace(config)
        metrics.waiting_bytes.set_function(lambda: self._pace.waiting_bytes)
        self._gathering = _Gathering()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._store_trouble: DeferReason | Literal[""] = ""
        self._connection: mqtt.MqttConnection | None = None
        self._announced_lost = False
        self.broker_connected = False

    @property
    def store_healthy(self) -> bool:
        """Whether the last write succeeded."""
        return not self._store_trouble

    async def run(self, options: mqtt.ConnectOptions, reconnect_max_s: float) -> None:
        """Hold a connection while it can, and come back with jitter when it is lost."""
        failures = 0
        while True:
            try:
                await self._serve(options)
                failures = 0
            except BrokerError as error:
                failures += 1
                self._lost(str(error))
            longest_s = min(reconnect_max_s, 0.5 * 2.0 ** min(failures, 10))
            await asyncio.sleep(random.uniform(0, longest_s))  # noqa: S311 - jitter, not a secret

    async def _serve(self, options: mqtt.ConnectOptions) -> None:
        forgotten = self._take_gathered()  # packet ids of an earlier connection mean nothing any more
        self._release(forgotten)
        self._connection = connection = await mqtt.connect(options, self._take)
        try:
            # Shared subscriptions do not survive a restart of every broker: subscribe on each connect.
            await connection.subscribe(topics.SHARED_MEASUREMENTS)
            self._connected(options)
            async with asyncio.TaskGroup() as group:
                pinging = group.create_task(connection.keep_alive())
                writing = group.create_task(self._write_batches(connection))
                self._lost(await asyncio.shield(connection.lost))
                pinging.cancel()
                writing.cancel()
        finally:
            self.broker_connected = False
            self._metrics.broker_connected.set(0)
            connection.close()

    def _take(self, packet: mqtt5.PublishPacket) -> None:
        self._metrics.envelopes.inc()
        message = Message(packet.topic, packet.payload, packet.content_type)
        found = self._admission.sort(message, time.time_ns(), self._pace)
        if packet.packet_id is not None:
            # PUBACKs go in the order of arrival (MQTT 5, 4.6), also of what was answered or passed over.
            self._gathering.packet_ids.append(packet.packet_id)
        self._arrived.set()
        if found is not None and found.asks_for_time_only:
            self._tell_time(found)
        elif found is not None:
            self._writer.make_ready(found, message)
            self._gather(found)

    def _tell_time(self, found: Sorted) -> None:
        """Answer at once, whatever becomes of the store: what lies between makes the time uncertain."""
        if self._connection is not None:
            self._connection.publish(answers.acks_of_stored([found], [], time.time_ns(), self._desk))

    def _gather(self, found: Sorted) -> None:
        self._gathering.add(found)
        self._pace.waits(found)
        too_much_waits = self._too_much_waits
        if too_much_waits and self._connection is not None:
            self._connection.hold_back()
            self._metrics.held_back.inc()
        if too_much_waits or self._gathering.records_count >= self._config.batch_records:
            self._full.set()

    @property
    def _too_much_waits(self) -> bool:
        return self._pace.waiting_bytes >= self._max_waiting_bytes

    def _release(self, gathered: _Gathering) -> None:
        if gathered.released:
            return
        gathered.released = True
        self._pace.released(gathered.records_count, gathered.text_bytes)
        if self._connection is not None and not self._too_much_waits:
            self._connection.go_on()

    def _take_gathered(self) -> _Gathering:
        gathered, self._gathering = self._gathering, _Gathering()
        self._arrived.clear()
        self._full.clear()
        return gathered

    async def _write_batches(self, connection: mqtt.MqttConnection) -> None:
        free = asyncio.Semaphore(_WRITES_AT_ONCE)
        before: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as group:
            while True:
                await self._arrived.wait()
                await self._gathered_enough(before)
                await free.acquire()
                gathered = self._take_gathered()
                before = group.create_task(self._settle(connection, gathered, before))
                before.add_done_callback(functools.partial(self._settled, gathered, free))

    async def _gathered_enough(self, before: asyncio.Task[None] | None) -> None:
        """Wait for a full batch; one that is not is written after the delay, and never beside another."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._full.wait(), self._config.batch_delay_s)
        if self._full.is_set() or before is None:
            return
        full = asyncio.ensure_future(self._full.wait())
        try:
            await asyncio.wait([full, before], return_when=asyncio.FIRST_COMPLETED)
        finally:
            full.cancel()

    async def _settle(
        self, connection: mqtt.MqttConnection, gathered: _Gathering, before: asyncio.Task[None] | None
    ) -> None:
        """Write, and answer after the batch before has been answered (PUBACKs: MQTT 5, 4.6)."""
        if gathered.sent_again and before is not None:
            await before  # the store must know already what is to be looked for
        told = await self._write(gathered) if gathered.messages else ()
        if before is not None:
            await before
        connection.publish(told)
        connection.ack(gathered.packet_ids)

    def _settled(self, gathered: _Gathering, free: asyncio.Semaphore, _: asyncio.Task[None]) -> None:
        """Forget a batch that never came to be written, because the connection was lost before."""
        free.release()
        if not gathered.being_written:
            self._release(gathered)

    async def _write(self, gathered: _Gathering) -> Iterable[tuple[str, bytes, str]]:
        """Write, and return what the devices are told."""
        messages = gathered.messages
        began_s = time.monotonic()
        try:
            refused = await asyncio.to_thread(self._write_in_thread, gathered, asyncio.get_running_loop())
        except StoreUnavailableError as error:
            return self._defer(messages, error)
        self._pace.written(gathered.records_count, began_s, time.monotonic())
        self._store_changed("")
        return answers.acks_of_stored(messages, refused, time.time_ns(), self._desk)

    def _defer(
        self, messages: list[Sorted], error: StoreUnavailableError
    ) -> Iterable[tuple[str, bytes, str]]:
        reason: DeferReason = "store_refuses" if isinstance(error, StoreRefusesError) else "store_unavailable"
        self._store_changed(reason, str(error))
        deferred_count = sum(len(found.records) + len(found.rejected) for found in messages)
        self._metrics.deferred.labels(reason).inc(deferred_count)
        retry_s = max(self._config.store_retry_s, error.retry_after_s or 0.0)
        return answers.acks_of_unstored(messages, retry_s, reason, time.time_ns(), self._desk)

    def _write_in_thread(self, gathered: _Gathering, loop: asyncio.AbstractEventLoop) -> list[Refusal]:
        """Goes on when the task is cancelled: what it writes does no harm, and takes memory until then."""
        gathered.being_written = True
        try:
            return self._writer.write(gathered.messages)
        finally:
            loop.call_soon_threadsafe(self._release, gathered)

    def _store_changed(self, trouble: DeferReason | Literal[""], words: str = "") -> None:
        """Log the transition, not each attempt."""
        if trouble != self._store_trouble:
            if trouble:
                log.error(trouble.replace("_", ".", 1), reason=words)
            else:
                log.info("store.recovered")
        self._store_trouble = trouble
        self._metrics.store_healthy.set(not trouble)
        self._metrics.breaker_open = trouble == "store_refuses"

    def _connected(self, options: mqtt.ConnectOptions) -> None:
        log.info("broker.connected", host=options.host, port=options.port)
        self.broker_connected = True
        self._announced_lost = False
        self._metrics.broker_connected.set(1)

    def _lost(self, reason: str) -> None:
        """Log the transition, not each attempt."""
        if not self._announced_lost:
            log.warning("broker.lost", reason=reason)
        self._announced_lost = True
