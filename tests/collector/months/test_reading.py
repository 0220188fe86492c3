"""Months come out of any store as they were judged: villages, areas above them, evidence and trends."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tests.collector.months import world

from pantau_collector.months.model import Counts

if TYPE_CHECKING:
    from pantau_collector.storage.base import Store

REGENCY = Counts(passed=1, failed=3, inconclusive=1, insufficient_data=1)


def test_every_level_counts_its_villages(store: Store):
    """Nation, province, regency and districts hold all their villages' verdicts, and all their tests."""
    months = world.filled(store)
    assert months.months() == list(world.MONTHS[::-1])
    for code in ("", "33", "33.10"):
        area = months.area("2026-08", code)
        assert area is not None
        assert (area.code, area.month, area.counts) == (code, "2026-08", REGENCY)
        assert (area.download_tests, area.restitution_minutes) == (6 * 31 * 4, 31 * 200)
        assert area.download_share == 5 / 6
    assert [one.code for one in months.children("2026-08", "")] == ["33"]
    assert [one.code for one in months.children("2026-08", "33")] == ["33.10"]
    districts = months.children("2026-08", "33.10")
    assert [one.code for one in districts] == ["33.10.01", "33.10.02"]
    assert [one.counts.failed for one in districts] == [2, 1]
    villages = months.children("2026-08", "33.10.02")
    assert [one.code for one in villages] == list(world.VILLAGES)[3:]
    assert [one.counts for one in villages] == [
        Counts(failed=1), Counts(insufficient_data=1), Counts(inconclusive=1),
    ]  # fmt: skip


def test_each_kind_of_village_gets_its_verdict(store: Store):
    """The lines of a regency, of a district and of one village: verdicts, pooled ones, providers."""
    months = world.filled(store)
    lines = months.villages("2026-08", "33.10")
    assert [line.code for line in lines] == list(world.VILLAGES)
    for line in lines:
        wanted = world.KINDS[world.VILLAGES[line.code]].verdict
        assert (line.verdict, line.pooled_verdict, line.revision) == (wanted, wanted, None)
    assert {line.provider for line in lines} == set(world.PROVIDERS)
    assert months.villages("2026-08", "33.10.02") == lines[3:]
    assert months.villages("2026-08", lines[1].code) == [lines[1]]


def test_what_is_not_known(store: Store):
    """Months and areas of which there is nothing are None or empty, and no error."""
    months = world.filled(store)
    assert months.area("2026-05", "") is None
    assert months.area("2026-08", "34") is None
    assert months.area("2026-08", "33.10.01.9999") is None
    assert months.children("2026-08", "34") == []
    assert months.villages("2026-09", "33.10") == []
    assert months.evidence("2026-08", "34.01.01.2001") is None
    assert months.trend("34") == []


def test_the_evidence_of_a_village(store: Store):
    """States of every day, every test with why it does not count, and the report agree with the line."""
    months = world.filled(store)
    found = months.evidence("2026-08", "33.10.01.2002")
    assert found is not None
    assert found.report.verdict == found.line.verdict == "fail"
    assert [day.day for day in found.days] == [date(2026, 8, number) for number in range(1, 32)]
    assert all(sum(minutes for _, minutes, _ in day.runs) == 1440 for day in found.days)
    assert len(found.tests) == 31 * 5
    assert {test.why_not for test in found.tests if not test.busy_hour} == {"not_wired"}
    assert sum(not test.why_not for test in found.tests) == found.line.download_tests == 31 * 4
    assert len(found.outages) == 31
    assert found.registry_version == "registry-1"


def test_trends_begin_with_the_oldest(store: Store):
    """An area's and a village's last months, as many as asked for."""
    months = world.filled(store)
    for code in ("", "33.10", "33.10.01", "33.10.01.2003"):
        assert [one.month for one in months.trend(code)] == list(world.MONTHS)
        assert [one.month for one in months.trend(code, months=2)] == list(world.MONTHS[1:])


def test_judging_again_changes_nothing(store: Store):
    """The same rows are found again: nothing is written, and nothing is otherwise."""
    months = world.filled(store)
    before = months.villages("2026-08", "33.10")
    again = world.MonthRows(store, world.registry(), world.BOOK)
    assert again.refresh(world.VILLAGES, world.MONTHS) == 0
    assert months.villages("2026-08", "33.10") == before
