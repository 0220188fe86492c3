"""A village's day, and its tests, are what a slow reading of the definitions makes of the measurements."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from tests.collector.analysis_loop import reference
from tests.collector.analysis_loop.world import (
    BOOK,
    CONFIG,
    HOUR_NS,
    MINUTE_NS,
    START_NS,
    VILLAGES,
    Booked,
    Registered,
    from_scratch,
    placement,
    random_life,
)

from pantau_collector.analysis.days import TEST, unpacked_states
from pantau_collector.analysis.states import State
from pantau_collector.analysis_loop.loop import Analysis
from pantau_collector.months import dayrows, maintenance
from pantau_collector.months.model import Maintenance
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.registry.model import Registry
from pantau_collector.storage.base import Arrival, Batch
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.envelope import Record
from pantau_wire.fields import Latency, Link, Measurement, Speed

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_collector.analysis.days import DayRow
    from pantau_collector.registry.model import Placement

DAY_NS = 24 * HOUR_NS
MIDNIGHT_NS = START_NS - 7 * HOUR_NS + DAY_NS  # a local midnight in Klaten: 2026-11-23T00:00+07:00
VILLAGE = VILLAGES[0]
HOME, ELSEWHERE = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"


def states_of(row: DayRow) -> list[str]:
    runs, off = unpacked_states([row.states])
    names = [
        State(int(state)).name.lower() + "*" * bool(flag) for state, flag in zip(runs.state, off, strict=True)
    ]
    return [name for name, minutes in zip(names, runs.minutes.tolist(), strict=True) for _ in range(minutes)]


@pytest.mark.parametrize("seed", range(300, 302))
def test_days_of_moving_devices(memory_folder: Path, seed: int):
    """States, delays, losses and tests of every day of a random life, minute by minute in plain Python."""
    life = random_life(seed)
    registry, arrivals = life.last_registry, reference.distinct(life.points)
    found = from_scratch(SqliteStore(memory_folder / "pantau.db"), life)
    minutes = {
        device: reference.Minutes([one for one in arrivals if one.device == device])
        for device in {one.device for one in arrivals}
    }
    days = [row for place, row in found.items() if place[0] == "sla_day"]
    assert days
    for stored in days:
        row, village, start_ns = dayrows.from_series(stored), stored.tags[0], stored.time_ns
        wanted = []
        p50_ms: list[float] = []
        sent = lost = 0
        for at_ns in range(start_ns, start_ns + DAY_NS, MINUTE_NS):
            states = ["unknown"]
            delays: list[float] = []
            for device, known in minutes.items():
                stood = reference.placement_at(registry, device, at_ns)
                if stood is None or stood.village != village:
                    continue
                state = known.states.get(at_ns // MINUTE_NS, "unknown")
                states.append(state)
                if state == "up" and known.evidence.get(at_ns // MINUTE_NS) == "up":
                    for one in known.of[at_ns // MINUTE_NS]:
                        data = one.record.data
                        if isinstance(data, Latency) and data.target == "testpoint":
                            sent += data.sent_count or 0
                            lost += (data.sent_count or 0) - (data.received_count or 0)
                            delays += [data.rtd_p50_ms] if data.rtd_p50_ms is not None else []
            p50_ms += [min(delays)] if delays else []
            wanted.append(min(states, key=lambda state: State[state.upper()]))
        assert states_of(row) == wanted
        assert (row.sent_count, row.lost_count, row.latency_n) == (sent, lost, len(p50_ms))
        assert row.latency_sum_ms == pytest.approx(math.fsum(p50_ms))
        assert row.latency_k == sum(delay <= 100 for delay in p50_ms)
        tests = [one for place, one in found.items() if place[0] == "sla_test" and one.tags[1] == village]
        mine = [one for one in tests if start_ns <= one.time_ns < start_ns + DAY_NS]
        assert len(np.frombuffer(row.tests, dtype=TEST)) == sum(bool(one.values["counted"]) for one in mine)
        assert row.uncounted_tests == sum(not one.values["counted"] for one in mine)
        made = [one for one in arrivals if isinstance(one.record.data, Speed)]
        stood_at = [reference.placement_at(registry, one.device, one.record.time_ns) for one in made]
        here = [
            one
            for one, stood in zip(made, stood_at, strict=True)
            if start_ns <= one.record.time_ns < start_ns + DAY_NS and stood and stood.village == village
        ]
        assert len(mine) == len(here)


class Day:
    """One device that told every minute of a local day, and what became of the day."""

    def __init__(self, folder: Path, *placements: Placement, book: ProfileBook = BOOK) -> None:
        self.store = SqliteStore(folder / "pantau.db")
        self.registered, self.booked = Registered(Registry(placements, "r")), Booked(book)
        self._seq = 0

    def tell(self, minute: int, data: Measurement, device: str = "desa-1") -> None:
        self._seq += 1
        time_ns = MIDNIGHT_NS + minute * MINUTE_NS
        record = Record(seq=self._seq, time_ns=time_ns, uptime_ns=10**12 + time_ns, clock="synced", data=data)
        self.store.write(Batch.of([Arrival(device, "s", "b", record)]))

    def minute(self, minute: int, network: str = HOME) -> None:
        self.tell(
            minute, Link(interface="eth0", medium="wired", interface_up=True, network_fingerprint=network)
        )
        latency = Latency(
            target="testpoint", method="stamp", sent_count=20, received_count=20, rtd_p50_ms=30.0
        )
        self.tell(minute, latency)

    def settled(self) -> tuple[DayRow, dict[int, str]]:
        """Return the day's row, and by minute of the day what keeps a test from counting."""
        now_ns = MIDNIGHT_NS + DAY_NS + HOUR_NS
        Analysis(self.store, self.registered, self.booked, CONFIG, clock=lambda: now_ns).step()
        (row,) = self.store.series("sla_day", since_ns=MIDNIGHT_NS, where={"village": VILLAGE})
        tests = self.store.series("sla_test", where={"village": VILLAGE})
        reasons = {(one.time_ns - MIDNIGHT_NS) // MINUTE_NS: str(one.values["why_not"]) for one in tests}
        return dayrows.from_series(row), reasons


def speed(**other: object) -> Speed:
    values = {"engine": "http", "limited_by": "none", "download_goodput_bps": 4e7, **other}
    return Speed(**values)  # type: ignore[arg-type]


def test_a_laptop_elsewhere_is_off_site(memory_folder: Path):
    """Minutes and tests in a network that the registry does not name count for nothing."""
    day = Day(memory_folder, placement("desa-1", VILLAGE, networks=frozenset({HOME})))
    for minute in range(60):
        day.minute(minute, HOME if minute < 40 else ELSEWHERE)
    day.tell(20, speed())
    day.tell(50, speed())
    row, reasons = day.settled()
    assert states_of(row)[:60] == ["up"] * 40 + ["off_site"] * 20
    assert (row.latency_n, reasons) == (40, {20: "", 50: "off_site"})


def test_without_a_declared_network_none_is_strange(memory_folder: Path):
    """An empty column says nothing: every network is as good as another."""
    day = Day(memory_folder, placement("desa-1", VILLAGE))
    for minute in range(20):
        day.minute(minute, HOME if minute < 10 else ELSEWHERE)
    row, _ = day.settled()
    assert states_of(row)[:20] == ["up"] * 20


def test_every_reason_why_a_test_does_not_count(memory_folder: Path):
    """Engine, limit, failure and cable, the first reason that holds."""
    day = Day(memory_folder, placement("desa-1", VILLAGE))
    for minute in range(100):
        day.minute(minute)
    for minute, data in {
        10: speed(),
        20: speed(engine="ndt7"),
        30: speed(limited_by="device"),
        40: speed(limited_by=None),
        50: speed(failure="timeout", limited_by="server"),
        200: speed(),
    }.items():
        day.tell(minute, data)
    row, reasons = day.settled()
    assert reasons == {
        10: "",
        20: "other_engine",
        30: "limited_device",
        40: "limit_unknown",
        50: "failed",
        200: "not_wired",
    }
    assert (len(np.frombuffer(row.tests, dtype=TEST)), row.uncounted_tests) == (1, 5)


def test_announced_maintenance_leaves_the_day(memory_folder: Path):
    """Its minutes are flagged, and their delays and tests are left out."""
    day = Day(memory_folder, placement("desa-1", VILLAGE))
    for minute in range(60):
        day.minute(minute)
    day.tell(30, speed())
    announced = Maintenance(
        area=VILLAGE[:5],
        from_ns=MIDNIGHT_NS + 20 * MINUTE_NS,
        to_ns=MIDNIGHT_NS + 50 * MINUTE_NS,
        announced_ns=MIDNIGHT_NS - 2 * DAY_NS,
        by="PT Angin",
        what="new pole",
    )
    maintenance.announce(day.store, announced, BOOK.versions("default")[0])
    row, reasons = day.settled()
    assert states_of(row)[:60] == ["up"] * 20 + ["up*"] * 30 + ["up"] * 10
    assert (row.latency_n, row.sent_count, reasons) == (30, 600, {30: "maintenance"})
    assert (len(row.tests), row.uncounted_tests) == (0, 0)


def test_a_day_is_counted_by_the_profile_of_its_date(memory_folder: Path):
    """A version that begins with the day holds for it; the one before held until then."""
    old = BOOK.versions("default")[0]
    new = msgspec.structs.replace(
        old, since=dayrows.local_day(MIDNIGHT_NS, dayrows.zone_of(VILLAGE)), latency_max_ms=20
    )
    day = Day(memory_folder, placement("desa-1", VILLAGE), book=ProfileBook([old, new], "two"))
    for minute in range(-10, 30):
        day.minute(minute)
    row, _ = day.settled()
    assert (row.day_rules, row.latency_n, row.latency_k) == (new.day_rules, 30, 0)
    (before,) = day.store.series("sla_day", until_ns=MIDNIGHT_NS, where={"village": VILLAGE})
    assert (before.values["day_rules"], before.values["latency_k"]) == (old.day_rules, 10)


@pytest.mark.parametrize("also_internet", [False, True])
def test_a_target_that_is_silent_for_two_providers_is_at_fault(memory_folder: Path, also_internet: bool):
    """Its minutes are judged by another target, else unknown; silent for one provider it is an outage."""
    here = placement("desa-1", VILLAGE)
    there = placement("desa-3", VILLAGES[1])
    day = Day(memory_folder, here, dataclasses.replace(there, provider="q"))
    for minute in range(40):
        for device in ("desa-1", "desa-3"):
            silent = 10 <= minute < 20 or (20 <= minute < 30 and device == "desa-1")
            counts = {"sent_count": 20, "received_count": 0 if silent else 20}
            day.tell(minute, Latency(target="testpoint", method="stamp", server="10.0.0.1", **counts), device)
            if also_internet:
                counts = {"sent_count": 5, "received_count": 5 if minute < 20 else 5 * (not silent)}
                internet = Latency(target="internet", method="icmp", server="9.9.9.9", **counts)
                day.tell(minute, internet, device)
    row, _ = day.settled()
    middle = "up" if also_internet else "unknown"
    assert states_of(row)[:40] == ["up"] * 10 + [middle] * 10 + ["link_down"] * 10 + ["up"] * 10
    assert (row.sent_count, row.lost_count) == (400, 0)
    faults = day.store.series("target_fault")
    assert [one.tags for one in faults] == [("33.10", "33", "testpoint", "10.0.0.1")] * 2
    assert sum(int(one.values["minute_count"]) for one in faults) == 10
