"""Maintenance and objections: kept for ever, alike in all stores, and told at once when they do not count."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from tests.collector.months import world

from pantau_collector.analysis.calendar import Month
from pantau_collector.errors import MaintenanceError, ObjectionError
from pantau_collector.months import maintenance, objections
from pantau_collector.months.model import Maintenance
from pantau_collector.registry.timezones import WIB

if TYPE_CHECKING:
    from pantau_collector.storage.base import Store

VILLAGE = "33.10.01.2001"
HOUR_NS = 3600 * 10**9
NOON_NS = int(dt.datetime(2026, 8, 10, 12, tzinfo=WIB.tzinfo).timestamp()) * 10**9
AUGUST = Month(2026, 8, WIB)


def asked(begin_h: float, hours: float, area: str = VILLAGE) -> Maintenance:
    """So many hours after noon of the 10th, when it is announced."""
    begin_ns = NOON_NS + int(begin_h * HOUR_NS)
    return Maintenance(
        area=area,
        from_ns=begin_ns,
        to_ns=begin_ns + int(hours * HOUR_NS),
        announced_ns=NOON_NS,
        by="PT Bintang",
        what="new pole",
    )


def minutes(store: Store, village: str = VILLAGE) -> int:
    known = maintenance.standing(store)
    return int(maintenance.accepted(known, village, AUGUST, world.CONTRACT).sum())


def test_a_window_announced_a_day_ahead_counts(store: Store):
    """For the village, or for all in the area that it names, and for nobody else."""
    found = maintenance.announce(store, asked(24, 2, "33.10.01"), world.CONTRACT)
    assert found.shortfall == ""
    assert (minutes(store), minutes(store, "33.10.02.2001")) == (120, 0)
    assert maintenance.standing(store) == [found.maintenance]
    assert maintenance.of_month([found.maintenance], AUGUST) == [found.maintenance]


def test_a_late_window_is_kept_and_does_not_count(store: Store):
    """A minute short of 24 hours: the person is told, and no minute leaves the account."""
    found = maintenance.announce(store, asked(24 - 1 / 60, 2), world.CONTRACT)
    assert (found.shortfall, minutes(store)) == ("late", 0)
    assert maintenance.standing(store) == [found.maintenance]


def test_more_than_eight_hours_a_month_do_not_count(store: Store):
    """The month's first eight hours count, whoever announced them, and who goes beyond is told."""
    assert maintenance.announce(store, asked(24, 5), world.CONTRACT).shortfall == ""
    assert maintenance.announce(store, asked(48, 5, "33.10"), world.CONTRACT).shortfall == "too_much"
    assert minutes(store) == 8 * 60


def test_what_has_begun_cannot_be_withdrawn(store: Store):
    """Before it begins a window can be taken back; then what was announced stands."""
    one = maintenance.announce(store, asked(24, 2), world.CONTRACT).maintenance
    two = maintenance.announce(store, asked(48, 2), world.CONTRACT).maintenance
    maintenance.withdraw(store, two.number, by="siti", now_ns=one.from_ns)
    with pytest.raises(MaintenanceError, match="has begun"):
        maintenance.withdraw(store, one.number, by="siti", now_ns=one.from_ns)
    with pytest.raises(MaintenanceError, match="there is no announced maintenance"):
        maintenance.withdraw(store, two.number, by="siti", now_ns=one.from_ns)
    assert maintenance.standing(store) == [one]
    assert len(store.series("sla_maintenance")) == 3  # who withdrew what stays


@pytest.mark.parametrize(
    "wrong",
    [asked(24, 0), asked(24, 24 * 32), asked(24, 1, "99.99"), asked(24, -1)],
)
def test_what_makes_no_sense_is_refused(store: Store, wrong: Maintenance):
    """An unknown area, an end before the beginning, a month of work: nothing is kept."""
    with pytest.raises(MaintenanceError):
        maintenance.announce(store, wrong, world.CONTRACT)
    assert maintenance.standing(store) == []


def test_an_objection_is_answered_once(store: Store):
    """Filed, shown with its month, answered once; who and when are kept."""
    filed = objections.file(store, VILLAGE, "2026-08", by="PT Bintang", text="Not us:\nPLN.", now_ns=NOON_NS)
    assert objections.listed(store, VILLAGE, "2026-08") == [filed]
    assert objections.listed(store, VILLAGE, "2026-07") == objections.listed(store, "33.10.01.2002") == []
    found = objections.answer(store, filed.number, by="BAKTI", text="Seen.", now_ns=NOON_NS + HOUR_NS)
    assert (found.answer, found.answered_by, found.answered_at_ns) == ("Seen.", "BAKTI", NOON_NS + HOUR_NS)
    assert objections.listed(store) == [found]
    with pytest.raises(ObjectionError, match="answered already, by BAKTI"):
        objections.answer(store, filed.number, by="siti", text="No.", now_ns=NOON_NS)
    with pytest.raises(ObjectionError, match="there is no objection K0"):
        objections.answer(store, "K0", by="siti", text="No.", now_ns=NOON_NS)


@pytest.mark.parametrize(
    ("village", "month", "by", "text"),
    [
        ("33.10", "2026-08", "a", "b"),
        (VILLAGE, "2026-13", "a", "b"),
        (VILLAGE, "2026-08", " ", "b"),
        (VILLAGE, "2026-08", "a", ""),
        (VILLAGE, "2026-08", "a\nb", "b"),
        (VILLAGE, "2026-08", "a", "b" * 10_001),
    ],
)
def test_an_objection_needs_a_village_a_month_and_words(
    store: Store, village: str, month: str, by: str, text: str
):
    """What names none of them is refused, and nothing is kept."""
    with pytest.raises(ObjectionError):
        objections.file(store, village, month, by=by, text=text, now_ns=NOON_NS)
    assert objections.listed(store) == []
