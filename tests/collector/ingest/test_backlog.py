"""A backlog never delays the present: what is old waits at its device where the store has enough to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest.collecting import CONFIG, collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.envelopes import START_NS, envelope, envelope_of, record
from tests.collector.ingest.waiting import until

from pantau_collector.config import IngestConfig
from pantau_collector.ingest.admission import Admission
from pantau_collector.ingest.pace import Pace
from pantau_collector.ingest.sorting import Message, Rules, Sorted
from pantau_collector.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.brokers import Broker

EVERYONE = Rules(lambda _: True, unregistered_retry_s=300.0, newer_agent_retry_s=3600.0)
SMALL = IngestConfig(batch_records=10, backlog_wait_s=2.0, waiting_mb=1)
NOW_NS = START_NS + 3600 * 10**9


def sort(pace: Pace, payload: bytes, content_type: str) -> Sorted | None:
    admission = Admission(EVERYONE, SMALL, Metrics(), clock=lambda: 100.0)
    return admission.sort(Message("pantau/v1/desa-1/measurements", payload, content_type), NOW_NS, pace)


def waiting(records_count: int, records_per_s: int) -> Pace:
    """A pace where so many records wait for a store that is so fast."""
    pace = Pace(SMALL)
    pace.written(records_per_s, 10.0, 11.0)
    pace.waiting_records = records_count
    return pace


def new_record(seq: int):
    return record(seq, time_ns=NOW_NS - 10**9)


def test_old_records_are_put_off_while_too_much_waits():
    """More than two seconds' worth of records waits: the old ones come back, and nothing is kept of them."""
    found = sort(waiting(200, records_per_s=100), *envelope([1, 2, 3]))
    assert found is not None
    (entry,) = found.deferred
    assert (entry.first_seq, entry.last_seq, entry.reason) == (1, 3, "rate_limit")
    assert not any((found.records, found.deliveries, found.dead_letters))


def test_new_records_are_taken_whatever_waits():
    """An envelope with a new record is taken, though more than two seconds' worth waits."""
    found = sort(waiting(200, records_per_s=100), *envelope_of(record(1), new_record(2)))
    assert found is not None
    assert (len(found.records), len(found.deferred)) == (2, 0)


@pytest.mark.parametrize(("records_count", "records_per_s"), [(199, 100), (9, 1), (100, 10**9)])
def test_old_records_are_taken_while_little_waits(records_count: int, records_per_s: int):
    """Below two seconds' worth, and always below one batch, a backlog is welcome."""
    found = sort(waiting(records_count, records_per_s), *envelope([1]))
    assert found is not None
    assert (len(found.records), len(found.deferred)) == (1, 0)


def test_half_of_the_memory_is_for_new_records():
    """However fast the store is: where half of what may wait in memory waits, old records are put off."""
    pace = Pace(SMALL)
    assert not pace.crowded
    pace.waiting_bytes = 500_000
    assert pace.crowded


def test_they_come_back_one_after_the_other():
    """Each is told to come when the store will have written those before it; at least in a second."""
    pace = waiting(200, records_per_s=100)
    assert [pace.retry_after_s(50, now_s=20.0) for _ in range(3)] == [2.5, 3.0, 3.5]
    assert pace.retry_after_s(50, now_s=22.9) == pytest.approx(2.5)
    assert pace.retry_after_s(10**9, now_s=30.0) == 300.0


def test_only_the_time_of_writing_counts():
    """The store's speed is what it wrote in the time that it took, once where two batches overlap."""
    pace = Pace(SMALL)
    pace.written(100, 10.0, 11.0)
    pace.written(100, 10.0, 12.0)  # began beside the other
    pace.written(100, 99.0, 100.0)
    assert pace.records_per_s == pytest.approx(100.0)


async def test_live_data_passes_a_backlog(broker: Broker, tmp_path: Path):
    """While a backlog fills the store's hands, new records are stored; the backlog is complete afterwards."""
    config = CONFIG.model_copy(update={"batch_records": 5, "backlog_wait_s": 1e-6})
    async with (
        collecting(broker.port, tmp_path, config=config) as collector,
        connected(broker, "desa-1") as old,
        connected(broker, "desa-2") as live,
    ):
        old.send([1])
        await until(lambda: old.stored == {1})
        collector.store.free.clear()
        old.send(range(2, 12))
        await until(lambda: collector.store.waiting)
        old.send(range(12, 22))
        await until(lambda: collector.metric("pantau_ingest_put_off_total") == 1)
        live.publish(*envelope_of(record(1, time_ns=time.time_ns()), device="desa-2"))
        await until(lambda: collector.metric("pantau_ingest_envelopes_total") == 4)
        collector.store.free.set()
        await until(lambda: live.stored == {1})
        await until(lambda: old.stored == set(range(1, 12)))
        await until(lambda: set(old.deferred) == set(range(12, 22)))
        assert {entry.reason for entry in old.deferred.values()} == {"rate_limit"}
        old.send(range(12, 22), attempt=2)
        await until(lambda: old.stored == set(range(1, 22)))
        assert collector.stored() == [(1, 21)]
