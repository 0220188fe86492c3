"""What was stored late is marked before the device is told `stored`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.collector.storage.building import arrival

from pantau_collector.deadletters import DeadLetters
from pantau_collector.ingest.late import late_marks
from pantau_collector.ingest.sorting import Sorted
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.storage.base import Batch, SeriesRow
from pantau_collector.storage.series import LIVE_NS
from pantau_collector.storage.sqlite import SqliteStore
from pantau_collector.vitals import Vitals
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pathlib import Path

START_NS = 1_750_000_000_000_000_000


def measured(at_s: float, device: str = "desa-1"):
    return arrival(Dns(resolver="r", name="n", resolve_ms=1.0), device=device, seq=int(at_s) + 1, at_s=at_s)


def test_the_span_of_what_is_late():
    """A mark for each device, over what is older than the horizon alone; what came in time has none."""
    now_ns = START_NS + LIVE_NS + 10 * 10**9
    found = [measured(0), measured(9), measured(10), measured(500), measured(600, "desa-2")]
    assert late_marks(Batch.of(found).parcels, now_ns) == [
        SeriesRow("late", ("desa-1",), now_ns, {"since_ns": START_NS, "until_ns": START_NS + 9 * 10**9})
    ]


def test_repeated_points_are_marked_again(tmp_path: Path):
    """Nobody knows whether the mark of the first time was written: the second one leaves another."""
    store, letters = SqliteStore(tmp_path / "pantau.db"), DeadLetters(tmp_path / "letters.db")
    writer = Writer(store, letters, Metrics())
    for _ in range(2):
        writer.write([Sorted("desa-1", "s1", records=[measured(0).record])])
    assert [row.values["since_ns"] for row in store.series("late")] == [START_NS, START_NS]
    store.close()
    letters.close()


def test_the_collector_of_itself(tmp_path: Path):
    """A row holds what happened since the last one, and how old the envelopes were."""
    store, letters, metrics = SqliteStore(tmp_path / "pantau.db"), DeadLetters(tmp_path / "l.db"), Metrics()
    vitals = Vitals("collector-1", store, metrics)
    vitals.row(START_NS)
    metrics.envelopes.inc(3)
    metrics.broker_connected.set(1)
    young = measured((time.time_ns() - START_NS) / 1e9 - 30)
    Writer(store, letters, metrics).write([Sorted("desa-1", "s1", records=[young.record])])
    row = vitals.row(START_NS)
    assert (row.series, row.tags, row.time_ns) == ("pipeline", ("collector-1",), START_NS)
    assert (row.values["envelope_count"], row.values["point_count"]) == (3, 1)
    assert row.values["broker_connected"]
    assert row.values["store_healthy"]
    assert 29 < float(row.values["lag_p50_s"]) < 90
    store.write_series([row])
    assert vitals.row(START_NS).values["envelope_count"] == 0
    assert "lag_p50_s" not in vitals.row(START_NS).values
    store.close()
    letters.close()
