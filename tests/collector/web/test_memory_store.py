"""The store in memory, on which the portal's tests stand, answers as the real one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.memory_store import MemoryStore

from pantau_collector.storage.base import Arrival, Batch, Delivery, SeriesRow, Store
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.envelope import Record
from pantau_wire.fields import AnyMeasurement, Latency, Speed

if TYPE_CHECKING:
    from pathlib import Path


def arrival(seq: int, time_ns: int, data: AnyMeasurement, device: str = "d", spool: str = "s") -> Arrival:
    return Arrival(
        device, spool, "b", Record(seq=seq, time_ns=time_ns, uptime_ns=1, clock="synced", data=data)
    )


def latency(target: str, p50: float | None = 1.0) -> Latency:
    return Latency(target=target, method="tcp", rtd_p50_ms=p50)


ARRIVALS = [
    arrival(1, 30, latency("testpoint")),
    arrival(2, 10, latency("testpoint", None)),
    arrival(3, 11, latency("internet")),
    arrival(5, 20, Speed(engine="http", download_goodput_bps=1.0)),
    arrival(1, 20, Speed(engine="http"), device="e"),
    arrival(9, 40, latency("gateway"), spool="t"),
]
AGAIN = [ARRIVALS[0], arrival(2, 10, latency("testpoint", 7.0))]
DELIVERIES = [
    Delivery("d", "s", 1, 3, "received", 100),
    Delivery("d", "s", 4, 4, "dropped", 200, "spool_full"),
]
ROWS = [SeriesRow("late", (device,), at, {"since_ns": at}) for at in (5, 3, 9) for device in ("e", "d")]


def answers(store: Store) -> list[object]:
    reports = [store.write(Batch.of(ARRIVALS, DELIVERIES)), store.write(Batch.of(AGAIN))]
    return [
        [(report.new_count, report.repeated_count, list(report.altered)) for report in reports],
        store.points("latency", "d"),
        store.points("latency", "d", since_ns=10, until_ns=40, newest=2),
        store.points("latency", "d", where={"target": "testpoint"}),
        store.points("speed", "none"),
        store.activity(),
        store.activity("e"),
        store.activity("none"),
        store.deliveries("d"),
        store.deliveries("d", 101),
        store.stored_seqs("d", "s"),
        store.stored_seqs("d", "none"),
        store.devices(),
        store.span("delivery"),
        list(store.window("latency", 10, 40)),
        list(store.window("latency", 10, 41, ["e", "d"])),
        store.write_series(ROWS),
        store.series("late"),
        store.series("late", since_ns=4, until_ns=9),
        store.series("late", where={"device": ["d", "x"]}, newest=2),
        [store.acquire_lease("work", holder, 60.0) for holder in "aab"],
    ]


def test_both_stores_give_the_same_answers(tmp_path: Path) -> None:
    real = SqliteStore(tmp_path / "pantau.db")
    assert answers(MemoryStore()) == answers(real)
    real.close()
