"""The running ingest: one shared subscription, batches, and answers after the store has the data.

A message is answered (PUBACK to the broker, ack to the device) only after its batch is durable, or
after the device was told to come back later. When the connection is lost, what was not written yet is
forgotten: nobody was answered, so the devices send it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from pantau_collector import mqtt
from pantau_collector.errors import BrokerError, StoreUnavailableError
from pantau_collector.ingest import answers
from pantau_collector.ingest.sorting import Message, Rules, Sorted, sort_message
from pantau_wire import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import mqtt5

    from pantau_collector.config import IngestConfig
    from pantau_collector.ingest.writer import Writer
    from pantau_collector.metrics import Metrics

log = structlog.get_logger()


@dataclass(slots=True)
class _Gathering:
    """Messages that wait to be written together."""

    messages: list[Sorted] = field(default_factory=list)
    packet_ids: list[int] = field(default_factory=list)
    records_count: int = 0

    def add(self, packet_id: int | None, found: Sorted) -> None:
        self.messages.append(found)
        self.records_count += len(found.arrivals)
        if packet_id is not None:
            self.packet_ids.append(packet_id)


class Ingest:
    """Takes messages from the broker until cancelled."""

    def __init__(
        self,
        writer: Writer,
        config: IngestConfig,
        metrics: Metrics,
        is_registered: Callable[[str], bool],
    ) -> None:
        """Do nothing yet; `run` does."""
        self._writer = writer
        self._config = config
        self._metrics = metrics
        self._rules = Rules(is_registered, config.unregistered_retry_s, config.newer_agent_retry_s)
        self._gathering = _Gathering()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._store_healthy = True
        self._connection: mqtt.MqttConnection | None = None
        self._announced_lost = False
        self.broker_connected = False

    @property
    def store_healthy(self) -> bool:
        """Whether the last write succeeded."""
        return self._store_healthy

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
        self._forget()  # packet ids of an earlier connection mean nothing any more
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
        found = sort_message(message, self._rules, time.time_ns())
        if found.asks_for_time_only and self._connection is not None:
            self._tell_time(self._connection, packet.packet_id, found)
            return
        self._gathering.add(packet.packet_id, found)
        self._arrived.set()
        if self._gathering.records_count >= self._config.batch_records:
            self._full.set()

    def _tell_time(self, connection: mqtt.MqttConnection, packet_id: int | None, found: Sorted) -> None:
        """Answer at once, whatever becomes of the store: what lies between makes the time uncertain."""
        connection.publish(answers.acks_of_stored([found], [], time.time_ns()))
        if packet_id is not None:
            connection.ack([packet_id])

    def _forget(self) -> None:
        self._gathering = _Gathering()
        self._arrived.clear()
        self._full.clear()

    async def _write_batches(self, connection: mqtt.MqttConnection) -> None:
        while True:
            await self._arrived.wait()
            with contextlib.suppress(TimeoutError):  # a batch that is not full is written after the delay
                await asyncio.wait_for(self._full.wait(), self._config.batch_delay_s)
            gathered = self._gathering
            self._forget()
            connection.publish(await self._write(gathered.messages))
            connection.ack(gathered.packet_ids)

    async def _write(self, messages: list[Sorted]) -> Iterable[tuple[str, bytes, str]]:
        """Write, and return what the devices are told."""
        try:
            # The thread goes on when this task is cancelled: what it writes does no harm.
            report = await asyncio.to_thread(self._writer.write, messages)
        except StoreUnavailableError as error:
            self._store_changed(healthy=False, reason=str(error))
            deferred_count = sum(len(found.arrivals) + len(found.rejected) for found in messages)
            self._metrics.deferred.labels("store_unavailable").inc(deferred_count)
            retry_s = self._config.store_retry_s
            return answers.acks_of_unstored(messages, retry_s, "store_unavailable", time.time_ns())
        self._store_changed(healthy=True)
        return answers.acks_of_stored(messages, report.altered, time.time_ns())

    def _store_changed(self, *, healthy: bool, reason: str = "") -> None:
        if healthy != self._store_healthy:
            if healthy:
                log.info("store.recovered")
            else:
                log.error("store.unavailable", reason=reason)
        self._store_healthy = healthy
        self._metrics.store_healthy.set(healthy)

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
