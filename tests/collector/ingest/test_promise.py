"""The promise over real brokers: an answer comes after the store has the data, and never before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import mqtt5
from tests.collector.ingest.collecting import CONFIG, collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.envelopes import bad_record, envelope_of, record
from tests.collector.ingest.tap import tapped
from tests.collector.ingest.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.brokers import Broker

A_WHILE_S = 0.3


async def test_delivered_stored_acknowledged(broker: Broker, tmp_path: Path):
    """What a device publishes is in the store, and the device is told so."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for first in range(1, 200, 10):
            device.send(range(first, first + 10))
        await until(lambda: device.stored == set(range(1, 201)))
        assert collector.stored() == [(1, 200)]
        assert (device.rejected, device.deferred) == ({}, {})
        assert collector.metric("pantau_ingest_envelopes_total") == 20
        assert collector.metric("pantau_ingest_points_total") == 200


async def test_the_answer_waits_for_the_store(broker: Broker, tmp_path: Path):
    """Neither the ack nor the PUBACK leaves the collector before `write` has returned."""
    async with (
        tapped(broker) as tap,
        collecting(tap.port, tmp_path) as collector,
        connected(broker) as device,
    ):
        collector.store.free.clear()
        device.send([1, 2, 3])
        await until(lambda: collector.store.waiting)
        await asyncio.sleep(A_WHILE_S)
        assert tap.of(mqtt5.PublishPacket) == tap.of(mqtt5.PubAckPacket) == []
        assert device.acks == []
        collector.store.free.set()
        await until(lambda: device.stored == {1, 2, 3})
        await until(lambda: tap.of(mqtt5.PubAckPacket))
        kinds = [type(packet) for packet in tap.sent if not isinstance(packet, mqtt5.PingReqPacket)]
        assert kinds[-2:] == [mqtt5.PublishPacket, mqtt5.PubAckPacket]


async def test_pubacks_keep_the_order_of_arrival(broker: Broker, tmp_path: Path):
    """Also for what is answered at once: a broker may end the connection of who mixes them (MQTT 5, 4.6)."""
    async with (
        tapped(broker) as tap,
        collecting(tap.port, tmp_path) as collector,
        connected(broker) as device,
    ):
        collector.store.free.clear()
        device.send([1])
        await until(lambda: collector.store.waiting)
        device.send([], sent_uptime_ns=5)  # asks for the time
        await until(lambda: device.acks)
        device.send([2])
        collector.store.free.set()
        await until(lambda: device.stored == {1, 2})
        await until(lambda: len(tap.of(mqtt5.PubAckPacket)) == 3)
        arrived = [one.packet_id for one in tap.received if isinstance(one, mqtt5.PublishPacket)]
        assert [one.packet_id for one in tap.of(mqtt5.PubAckPacket)] == arrived


async def test_others_are_gathered_meanwhile(broker: Broker, tmp_path: Path):
    """While a batch is being written the next one gathers, and is answered after its own write."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        collector.store.free.clear()
        device.send([1])
        await until(lambda: collector.store.waiting)
        for seq in range(2, 12):
            device.send([seq])
        await until(lambda: collector.metric("pantau_ingest_envelopes_total") == 11)
        assert device.acks == []
        collector.store.free.set()
        await until(lambda: device.stored == set(range(1, 12)))
        assert [batch.records_count for batch in collector.store.batches] == [1, 10]


async def test_a_full_batch_does_not_wait(broker: Broker, tmp_path: Path):
    """A batch that has its number of records is written at once, and not after the delay."""
    config = CONFIG.model_copy(update={"batch_records": 5, "batch_delay_s": 3600.0})
    async with (
        collecting(broker.port, tmp_path, config=config) as collector,
        connected(broker) as device,
    ):
        device.send([1, 2])
        device.send([3, 4, 5])
        await until(lambda: device.stored == {1, 2, 3, 4, 5})
        assert collector.stored() == [(1, 5)]


async def test_delivered_again(broker: Broker, tmp_path: Path):
    """A repeated delivery is in the store once, and acknowledged each time."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for attempt in (1, 2, 3):
            device.send([1, 2, 3], attempt=attempt)
            await until(lambda: len(device.acks) == attempt)  # noqa: B023 - it waits here
        assert [ack.stored for ack in device.acks] == [((1, 3),)] * 3
        assert [len(collector.store.points("dns", "desa-1")), *collector.stored()] == [3, (1, 3)]
        assert len(collector.store.deliveries("desa-1")) == 1
        assert collector.metric("pantau_ingest_repeated_total") == 6


async def test_a_bad_record_does_not_harm_its_neighbours(broker: Broker, tmp_path: Path):
    """A bad record is told `rejected` when it stands in the dead letters, and its neighbours `stored`."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        device.publish(*envelope_of(record(1), bad_record(2), record(3)))
        await until(lambda: device.acks)
        assert (device.stored, set(device.rejected)) == ({1, 3}, {2})
        assert device.rejected[2].reason.startswith("invalid_record: ")
        (letter,) = collector.letters.list()
        assert (letter.device, letter.reason, letter.times) == ("desa-1", "invalid_record", 1)
        states = {(entry.first_seq, entry.state) for entry in collector.store.deliveries("desa-1")}
        assert states == {(1, "received"), (2, "rejected"), (3, "received")}
        assert collector.metric("pantau_ingest_refused_total", reason="invalid_record") == 1


async def test_another_value_is_kept_beside(broker: Broker, tmp_path: Path):
    """A point that comes again with another value is rejected, a dead letter, and on record as such."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        device.send([1])
        await until(lambda: device.stored == {1})
        changed = record(1, b'{"kind":"dns","resolver":"r","name":"n","resolve_ms":77}')
        device.publish(*envelope_of(changed, record(2), attempt=2))
        await until(lambda: device.rejected)
        assert device.rejected[1].reason == "altered: another value is stored for this time"
        assert device.stored == {1, 2}
        assert [letter.reason for letter in collector.letters.list()] == ["altered"]
        assert [point.values["resolve_ms"] for point in collector.store.points("dns", "desa-1")] == [1.0, 2.0]
        states = [(entry.first_seq, entry.state) for entry in collector.store.deliveries("desa-1")]
        assert (1, "rejected") in states


async def test_unregistered_until_registered(broker: Broker, tmp_path: Path):
    """An unregistered device is put off without a trace; once it is registered its backlog is complete."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        collector.strangers.add("desa-1")
        device.send([1, 2, 3])
        device.send([4, 5])
        await until(lambda: set(device.deferred) == {1, 2, 3, 4, 5})
        assert {(entry.reason, entry.retry_after_s) for entry in device.deferred.values()} == {
            ("unregistered", 300)
        }
        assert (collector.stored(), collector.letters.count()) == ([], 0)
        assert collector.store.deliveries("desa-1") == []
        collector.strangers.clear()
        device.send([1, 2, 3], attempt=2)
        device.send([4, 5], attempt=2)
        await until(lambda: device.stored == {1, 2, 3, 4, 5})
        assert collector.stored() == [(1, 5)]
        assert collector.metric("pantau_ingest_deferred_total", reason="unregistered") == 5
