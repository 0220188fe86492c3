"""Months close on the 5th with a frozen record; what comes later opens a revision, never a silent change."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.collector.analysis_loop.world import Booked, Registered
from tests.collector.months import world
from tests.fakes import influxd

from pantau_collector.analysis_loop.closing import Closing
from pantau_collector.analysis_loop.loop import Analysis
from pantau_collector.config import AnalysisConfig, InfluxConfig
from pantau_collector.ingest.late import late_marks
from pantau_collector.months import records
from pantau_collector.months.instants import closes_at_ns
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.months.reading import StoredMonths
from pantau_collector.registry.model import Registry
from pantau_collector.storage.base import Arrival, Batch
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.envelope import Record
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_collector.storage.base import Store

WIB = dt.timezone(dt.timedelta(hours=7))
GOOD, BROKEN = "33.10.01.2001", "33.10.01.2002"
REGENCY = {"regency": "33.10"}


def instant_ns(*when: int) -> int:
    return int(dt.datetime(*when, tzinfo=WIB).timestamp()) * 10**9  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "influxdb-1.6"])
def store(request: pytest.FixtureRequest, memory_folder: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        yield SqliteStore(memory_folder / "pantau.db")
        return
    with influxd.running(memory_folder) as server:
        config = InfluxConfig(url=server.url, database=server.new_database())
        for retention in ("rollup", "history"):
            server.run(f"CREATE DATABASE {config.database}_{retention}")
        yield InfluxStore(config)


class Office:
    """A collector whose store holds three imported months, on a clock of its own."""

    def __init__(self, store: Store) -> None:
        self.store, self.now_ns = store, 0
        self.registered, self.booked = Registered(world.registry()), Booked(world.BOOK)
        for village, kind in world.VILLAGES.items():
            store.write_series(list(world.rows(village, world.KINDS[kind], world.MONTHS)))
        self.analysis: Analysis | None = None
        self.months = StoredMonths(store, self.registered, self.booked)

    def at(self, *when: int) -> None:
        """Let the analysis do what is due at a local time."""
        self.now_ns = instant_ns(*when)
        if self.analysis is None:
            self.analysis = Analysis(
                self.store, self.registered, self.booked, AnalysisConfig(), clock=lambda: self.now_ns
            )
        self.analysis.step()

    def late(self, village: str, *when: int) -> None:
        """Let an unanswered minute of the past arrive now."""
        data = Latency(target="testpoint", method="icmp", sent_count=20, received_count=0)
        found = Record(seq=1, time_ns=instant_ns(*when), uptime_ns=10**12, clock="synced", data=data)
        batch = Batch.of([Arrival(f"desa-{village}", "s", "b", found)])
        self.store.write(batch)
        self.store.write_series(late_marks(batch.parcels, self.now_ns))

    def records(self, month: str = "2026-08") -> dict[str, list[records.Record]]:
        found = records.read(self.store, month, REGENCY)
        return {village: [records.from_series(row) for row in rows] for village, rows in found.items()}


def test_a_month_closes_on_the_fifth(store: Store):
    """Until the 5th a month is open; then each village has one record, hashed over its own bytes."""
    office = Office(store)
    office.at(2026, 9, 4, 12)
    assert office.records() == {}
    assert {line.revision for line in office.months.villages("2026-08", "33.10")} == {None}
    assert len(office.records("2026-07")) == 6
    office.at(2026, 9, 5, 1)
    found = records.read(store, "2026-08", REGENCY)
    assert list(found) == list(world.VILLAGES)
    for village, rows in found.items():
        (row,) = rows
        record = records.from_series(row)
        assert records.sha256(records.canonical(record)) == row.values["record_sha256"]
        assert record.closed_at == "2026-09-05T00:00:00+07:00"
        assert record.facts.provider in world.PROVIDERS
        assert (record.revision, record.registry_version) == (1, "registry-1")
        assert record.facts.report.verdict == world.KINDS[world.VILLAGES[village]].verdict
    for line in office.months.villages("2026-08", "33.10"):
        assert line.revision is not None
        assert (line.revision.number, line.revision.verdict) == (1, line.verdict)
    office.at(2026, 9, 6, 1)
    assert records.read(store, "2026-08", REGENCY) == found


def test_late_data_open_a_revision(memory_folder: Path):
    """What arrives after the closing changes nothing that is shown before a second record says why."""
    office = Office(SqliteStore(memory_folder / "pantau.db"))
    office.at(2026, 9, 5, 1)
    before = office.months.villages("2026-08", "33.10")
    office.late(GOOD, 2026, 8, 20, 12)
    office.at(2026, 9, 5, 2)
    assert office.months.villages("2026-08", "33.10") == before
    office.at(2026, 9, 6, 1)
    first, second = office.records()[GOOD]
    assert (first.facts.report.verdict, second.revision, second.reason) == ("pass", 2, "days")
    assert second.previous_sha256 == records.sha256(records.canonical(first))
    assert second.facts.report.outages != first.facts.report.outages
    (line,) = office.months.villages("2026-08", GOOD)
    assert line.revision is not None
    assert (line.revision.number, line.revision.reason) == (2, "days")
    found = office.months.evidence("2026-08", GOOD)
    assert found is not None
    assert [revision.number for revision in found.revisions] == [1, 2]
    assert office.months.villages("2026-08", "33.10")[1:] == before[1:]


def test_imported_days_outlive_a_recomputation(memory_folder: Path):
    """Days whose measurements the store does not have stay as they are, when their windows are dirty."""
    office = Office(SqliteStore(memory_folder / "pantau.db"))
    office.at(2026, 9, 5, 1)
    days = office.store.series("sla_day", where={"village": BROKEN})
    office.late(GOOD, 2026, 8, 20, 12)
    office.at(2026, 9, 6, 1)
    assert office.store.series("sla_day", where={"village": BROKEN})[: len(days)] == days


def test_a_new_profile_revises_closed_months(memory_folder: Path):
    """A contract that is corrected for the past revises every month that it holds for, with that reason."""
    office = Office(SqliteStore(memory_folder / "pantau.db"))
    office.at(2026, 9, 5, 1)
    dearer = msgspec.structs.replace(world.CONTRACT, contracted_download_bps=1e8)
    office.booked.book = ProfileBook([dearer], "book-2")
    office.at(2026, 9, 6, 1)
    first, second = office.records()[GOOD]
    assert (first.facts.report.verdict, second.facts.report.verdict) == ("pass", "fail")
    assert "profile" in second.reason.split(",")
    assert office.months.area("2026-08", "33.10").counts.failed == 6  # type: ignore[union-attr]


def test_a_village_that_leaves_the_registry_keeps_its_record(memory_folder: Path):
    """A closed month stays when the registry says that nobody was there."""
    office = Office(SqliteStore(memory_folder / "pantau.db"))
    office.at(2026, 9, 5, 1)
    fewer = {village: kind for village, kind in world.VILLAGES.items() if village != BROKEN}
    office.registered.registry = Registry(
        [one for device in world.registry(fewer).devices for one in world.registry(fewer).history(device)],
        "registry-2",
    )
    office.at(2026, 9, 6, 1)
    (line,) = office.months.villages("2026-08", BROKEN)
    assert (line.verdict, line.revision.number) == ("fail", 1)  # type: ignore[union-attr]


def test_two_runners_that_overlap_close_a_month_once(memory_folder: Path):
    """Both at the same moment: one record for each village, and both see the same."""
    Office(SqliteStore(memory_folder / "pantau.db"))
    stores = [SqliteStore(memory_folder / "pantau.db") for _ in range(2)]
    at_ns = closes_at_ns("2026-08", "33.10")

    def close(store: Store) -> None:
        Closing(store, world.registry(), world.BOOK).close(list(world.VILLAGES), "2026-08", at_ns)

    threads = [threading.Thread(target=close, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [records.read(store, "2026-08", REGENCY) for store in stores]
    assert found[0] == found[1]
    assert [len(rows) for rows in found[0].values()] == [1] * 6
