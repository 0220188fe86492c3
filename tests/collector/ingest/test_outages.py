"""What goes away comes back: store, dead letters, connection, broker, and the other collector."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.collector.ingest import processes
from tests.collector.ingest.collecting import collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.envelopes import bad_record, envelope_of, record
from tests.collector.ingest.tap import tapped
from tests.collector.ingest.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.brokers import Broker

A_WHILE_S = 0.3


async def test_a_store_that_is_down_defers(broker: Broker, tmp_path: Path):
    """While the store is down everything is put off; when it is back it is taken. Both are logged once."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        collector.store.down = True
        with capture_logs() as logs:
            for count in (1, 2, 3):
                device.send([1, 2, 3], attempt=count)
                await until(lambda: len(device.acks) == count)  # noqa: B023 - it waits here
            assert not collector.ingest.store_healthy
            assert {(entry.reason, entry.retry_after_s) for entry in device.deferred.values()} == {
                ("store_unavailable", 30.0)
            }
            assert (device.stored, collector.stored()) == (set(), [])
            collector.store.down = False
            device.send([1, 2, 3], attempt=4)
            await until(lambda: device.stored == {1, 2, 3})
        assert collector.ingest.store_healthy
        assert [entry["event"] for entry in logs] == ["store.unavailable", "store.recovered"]
        assert collector.metric("pantau_ingest_deferred_total", reason="store_unavailable") == 9


async def test_the_time_is_told_while_the_store_hangs(broker: Broker, tmp_path: Path):
    """At once, to known devices and strangers: what waits in a device for its time waits for no disk."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        collector.strangers.add("desa-1")
        collector.store.free.clear()
        device.send([1])
        await until(lambda: collector.store.waiting)
        before_ns = time.time_ns()
        device.send([], sent_uptime_ns=77)
        await until(lambda: device.acks)
        (ack,) = device.acks
        assert (ack.spool, ack.sent_uptime_ns, ack.stored, ack.deferred) == ("s1", 77, (), ())
        assert before_ns <= ack.time_ns <= time.time_ns()
        assert collector.store.waiting


async def test_without_dead_letters_nothing_is_refused(broker: Broker, tmp_path: Path):
    """When the dead letters cannot be written, `rejected` is not said, nor `stored` of what came along."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        with _sabotaged(tmp_path / "dead-letters.db"):
            device.publish(*envelope_of(record(1), bad_record(2), record(3)))
            await until(lambda: device.acks)
            assert (device.stored, device.rejected, set(device.deferred)) == (set(), {}, {1, 2, 3})
        device.publish(*envelope_of(record(1), bad_record(2), record(3)))
        await until(lambda: device.rejected)
        assert (device.stored, set(device.rejected)) == ({1, 3}, {2})
        assert collector.letters.count() == 1


@contextlib.contextmanager
def _sabotaged(path: Path) -> Iterator[None]:
    """Let no dead letter be written meanwhile."""
    db = sqlite3.connect(path)
    db.execute("CREATE TRIGGER no BEFORE INSERT ON dead_letter BEGIN SELECT RAISE(ABORT, 'sabotage'); END")
    yield
    db.execute("DROP TRIGGER no")
    db.close()


async def test_a_broken_connection_is_made_anew(broker: Broker, tmp_path: Path):
    """A collector whose connection breaks in the middle of a write answers nothing of it, and goes on."""
    async with (
        tapped(broker) as tap,
        collecting(tap.port, tmp_path) as collector,
        connected(broker) as device,
    ):
        collector.store.free.clear()
        device.send([1])
        await until(lambda: collector.store.waiting)
        with capture_logs() as logs:
            tap.cut()
            await until(lambda: not collector.ingest.broker_connected)
            await until(lambda: collector.ingest.broker_connected)
        assert [entry["event"] for entry in logs] == ["broker.lost", "broker.connected"]
        collector.store.free.set()
        await asyncio.sleep(A_WHILE_S)
        assert device.acks == []
        device.send([1, 2], attempt=2)
        await until(lambda: device.stored == {1, 2})
        assert all(batch.parcels for batch in collector.store.batches)


async def test_a_broker_that_restarts(broker: Broker, tmp_path: Path):
    """After the broker was killed and started anew, the collector subscribes again and goes on."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        device.send([1])
        await until(lambda: device.stored == {1})
        with capture_logs() as logs:
            broker.kill()
            await until(lambda: not device.ready and not collector.ingest.broker_connected)
            await asyncio.sleep(A_WHILE_S)  # attempts fail, and are not logged each
            broker.start()
            await until(lambda: device.ready and collector.ingest.broker_connected)
        assert [entry["event"] for entry in logs] == ["broker.lost", "broker.connected"]
        device.send([2])
        await until(lambda: device.stored == {1, 2})


async def test_no_broker_at_the_start(broker: Broker, tmp_path: Path):
    """A collector that starts before its broker waits for it, and says so once."""
    broker.kill()
    with capture_logs() as logs:
        async with collecting(broker.port, tmp_path, wait=False) as collector:
            await asyncio.sleep(A_WHILE_S)
            broker.start()
            await until(lambda: collector.ingest.broker_connected)
    assert [entry["event"] for entry in logs] == ["broker.lost", "broker.connected"]
    assert logs[0]["reason"].startswith(f"cannot reach the broker at 127.0.0.1:{broker.port}")


async def test_collectors_share_the_load(broker: Broker, tmp_path: Path):
    """Of two collectors each takes a share, no message goes to both, and every one is answered."""
    async with (
        collecting(broker.port, tmp_path / "1", client_id="collector-1") as one,
        collecting(broker.port, tmp_path / "2", client_id="collector-2") as two,
        connected(broker) as device,
    ):
        for seq in range(1, 101):
            device.send([seq])
        await until(lambda: device.stored == set(range(1, 101)))
        shares = [sum(last - first + 1 for first, last in each.stored()) for each in (one, two)]
        assert sum(shares) == 100
        assert min(shares) > 10


async def test_another_collector_takes_over(broker: Broker, tmp_path: Path):
    """When one of two collectors is killed, the other one takes everything from then on."""
    shared = tmp_path / "shared"
    config = processes.settings(shared, broker.port, "collector-2").file
    async with collecting(broker.port, shared) as collector, connected(broker) as device:
        with processes.running(config, tmp_path / "collector-2.log") as other:
            sent = await _send_until(device, lambda: _both_wrote(collector, device), first=1)
            other.kill()
            other.wait()
        sent = await _send_until(device, lambda: device.stored >= {sent + 20}, first=sent + 1)
        for seq in set(range(1, sent)) - device.stored:  # what an agent does with the unanswered
            device.send([seq], attempt=2)
        await until(lambda: device.stored >= set(range(1, sent)))
        assert collector.stored()[0][1] >= sent - 1


async def _send_until(device, condition: Callable[[], bool], first: int) -> int:
    """Send small envelopes, one number each, until the condition holds; return the last number."""
    for seq in range(first, first + 5000):
        device.send([seq])
        await asyncio.sleep(0.005)
        if condition():
            return seq
    pytest.fail("waited in vain")


def _both_wrote(collector, device) -> bool:
    mine = sum(batch.records_count for batch in collector.store.batches)
    return mine > 0 and len(device.stored) > mine + 10


async def test_a_dead_connection_is_noticed(broker: Broker, tmp_path: Path):
    """A collector that is stopped closes its connection, and its place is free at once."""
    for _ in range(3):
        async with collecting(broker.port, tmp_path) as collector:
            assert collector.ingest.broker_connected
        assert not collector.ingest.broker_connected
        assert collector.metric("pantau_broker_connected") == 0
