"""What holds of every month, whatever happened in it."""

import json
import random
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.analysis import months

from pantau_collector.analysis import days, states
from pantau_collector.analysis.calendar import Month
from pantau_collector.analysis.profiles import Profile, Profiles, from_mapping
from pantau_collector.analysis.sla import input_file, tally
from pantau_collector.analysis.sla.judging import judge
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.reported import Report
from pantau_collector.analysis.sla.village import Device, VillageMonth, day_rows
from pantau_collector.registry.timezones import WIB

SEEDS = st.integers(min_value=1_000_000, max_value=2_000_000)
FEW = settings(max_examples=25, deadline=None)


def read(document: dict[str, Any]) -> VillageMonth:
    return input_file.parse(json.dumps(document).encode())


def judged(village: VillageMonth) -> Report:
    return report(village.month, day_rows(village), village.profiles)


@given(SEEDS)
@FEW
def test_the_order_of_rows_and_devices_changes_nothing(seed: int) -> None:
    document = months.document(seed)
    mixed = json.loads(json.dumps(document))
    rng = random.Random(seed)
    for rows in (mixed["devices"], mixed["speed_tests"], *(one["samples"] for one in mixed["devices"])):
        rng.shuffle(rows)
    assert day_rows(read(mixed)) == day_rows(read(document))


@given(SEEDS)
@FEW
def test_what_is_told_twice_counts_once(seed: int) -> None:
    document = months.document(seed)
    again = json.loads(json.dumps(document))
    for device in again["devices"]:
        device["samples"] += device["samples"]
    again["maintenance"] += again["maintenance"]
    assert day_rows(read(again)) == day_rows(read(document))


@given(SEEDS)
@FEW
def test_the_bounds_enclose_availability_and_the_minutes_add_up(seed: int) -> None:
    found = judged(read(months.document(seed)))
    if found.A_ratio is not None and found.A_min is not None and found.A_max is not None:
        assert 0 <= found.A_min <= found.A_ratio <= found.A_max <= 1
    assert sum(found.minutes.values()) == 2 * found.minutes["month"]
    for name in ("download", "upload"):
        metric = found.metrics[name]
        if metric.share is not None and metric.lower is not None and metric.upper is not None:
            assert 0 <= metric.lower <= metric.share <= metric.upper <= 1


@given(st.lists(st.sampled_from("UUUDDLO."), min_size=1, max_size=60), st.data())
@FEW
def test_an_answer_where_there_was_doubt_never_lowers_coverage(
    pattern: list[str], data: st.DataObject
) -> None:
    doubtful = [number for number, letter in enumerate(pattern) if letter in "L."]
    if not doubtful:
        return
    better = list(pattern)
    better[data.draw(st.sampled_from(doubtful))] = "U"
    before, after = judged(_village(pattern)), judged(_village(better))
    assert after.coverage >= before.coverage
    assert after.minutes["up"] > before.minutes["up"]


@given(SEEDS, SEEDS)
@FEW
def test_another_profile_can_be_applied_to_stored_days(seed: int, other_seed: int) -> None:
    """Judging rows again by another profile gives exactly the rows that raw data gives with it."""
    village = read(months.document(seed))
    other = read(months.document(other_seed)).profiles
    # what the month's own profile lets count as maintenance stays
    terms = {
        name: getattr(village.profiles.on(village.month.first_day), name)
        for name in ("maintenance_notice_s", "maintenance_max_minutes")
    }
    changed = Profiles(msgspec.structs.replace(one, **terms) for one in other.within(village.month))
    anew = day_rows(replace(village, profiles=changed))
    assert [days.judged(row, changed.on(row.day)) for row in day_rows(village)] == anew


@given(SEEDS)
@FEW
def test_a_day_needs_its_own_samples_and_one_on_each_side(seed: int) -> None:
    """So a day can be computed again when something late arrives, without the rest of the month."""
    village = read(months.document(seed))
    whole = day_rows(village)
    number = random.Random(seed).choice((2, 3, 16, len(whole) - 3))
    begin = village.month.first_minute + (number - 2) * 1440
    near = replace(
        village, devices=[Device(_near(one, begin, begin + 1440), one.placed_s) for one in village.devices]
    )
    assert day_rows(near)[number] == whole[number]


def _near(device: Device, begin: int, end: int) -> states.Samples:
    """Return the samples of [begin, end), and of the last minute before and the first after that have any."""
    minute = device.samples.minute
    before, after = minute[minute < begin], minute[minute >= end]
    inside = (minute >= before.max(initial=0)) & (minute <= after.min(initial=10**12))
    return device.samples.taken(inside)


@given(st.lists(SEEDS, min_size=2, max_size=5, unique=True))
@settings(max_examples=10, deadline=None)
def test_many_villages_at_once_are_judged_as_each_alone(seeds: list[int]) -> None:
    month = Month(2026, 8, WIB)
    villages = [replace(read(months.document(seed)), month=month) for seed in seeds]
    rows = [day_rows(village) for village in villages]
    governing = [village.profiles.on(month.first_day) for village in villages]
    for one_s_rows in rows:
        random.Random(seeds[0]).shuffle(one_s_rows)
    together = tally.tally(tally.of_rows(month, rows), governing)
    found = judge(together, governing)
    for number, village in enumerate(villages):
        alone = report(month, rows[number], village.profiles)
        assert found.coverage[number] == alone.coverage
        assert together.long_minutes[number] == alone.restitution_minutes
        for name, metric in found.metrics.items():
            one = alone.metrics[name]
            assert (metric.n[number], metric.k[number]) == (one.n, one.k)
            assert np.nan_to_num(metric.lower[number], nan=-1) == (-1 if one.lower is None else one.lower)


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_days_without_a_row_are_unknown(seed: int) -> None:
    village = read(months.document(seed))
    rows = day_rows(village)
    missing = random.Random(seed).randrange(2, len(rows) - 2)
    day = rows[missing].day
    known = [row for row in rows if row.day != day]
    blank = [
        row if row.day != day else days.DayRow(day=day, day_rules=row.day_rules, states=days.NO_STATES)
        for row in rows
    ]
    assert report(village.month, known, village.profiles) == report(village.month, blank, village.profiles)


def test_of_no_village_there_is_nothing_to_say() -> None:
    assert len(judge(tally.tally(tally.of_rows(Month(2026, 8, WIB), []), []), []).verdict) == 0


@given(st.lists(st.integers(0, 6), max_size=3000))
def test_run_length_form_is_reversible(codes: list[int]) -> None:
    wanted = np.array(codes, dtype=np.uint8)
    runs = states.runs_of(wanted)
    assert np.all(runs.state[1:] != runs.state[:-1])
    assert np.array_equal(np.repeat(runs.state, runs.minutes), wanted)


def test_three_months_pooled_decide_what_one_cannot() -> None:
    """25 tests a month on ten days are too few; of three months they are enough."""
    profile = _profile()
    sums = [_speed_month(year_month, profile, good=24) for year_month in ((2026, 6), (2026, 7), (2026, 8))]
    assert [judge(one, [profile]).metrics["download"].verdict[0] for one in sums] == [1, 1, 1]
    pooled = judge(sums[0] + sums[1] + sums[2], [profile]).metrics["download"]
    assert (pooled.n[0], pooled.k[0], pooled.verdict[0]) == (75, 72, 3)


def test_a_regency_s_share_is_over_all_tests_of_its_villages() -> None:
    profile = _profile()
    one, other = (_speed_rows(2026, 8, profile, good) for good in (25, 5))
    sums = tally.tally(tally.of_rows(Month(2026, 8, WIB), [one, other]), [profile, profile]).together()
    found = judge(sums, [profile]).metrics["download"]
    assert (found.n[0], found.k[0], found.share[0]) == (50, 30, 0.6)


@pytest.mark.parametrize(("name", "day_count"), [((2028, 2), 29), ((2027, 2), 28), ((2026, 12), 31)])
def test_months_know_their_days(name: tuple[int, int], day_count: int) -> None:
    month = Month(*name, WIB)
    assert month.day_count == day_count
    assert len(month.days) == day_count + 4


def _profile() -> Profile:
    return from_mapping({"name": "default", "contracted_download_bps": 2e7, "contracted_upload_bps": 1e7})


def _speed_rows(year: int, month: int, profile: Profile, good: int) -> list[days.DayRow]:
    begin_s = Month(year, month, WIB).first_minute * 60 + 20 * 3600
    tests = [
        [begin_s + number % 10 * 86_400, 2e7 if number < good else 1e6, 1e7, True] for number in range(25)
    ]
    keys = msgspec.to_builtins(profile) | {"since": "2000-01-01"}
    document = {
        "month": f"{year}-{month:02}",
        "timezone": "Asia/Jakarta",
        "profile": keys,
        "devices": [],
        "speed_tests": tests,
    }
    return day_rows(read(document))


def _speed_month(name: tuple[int, int], profile: Profile, good: int) -> tally.Tallies:
    month = Month(*name, WIB)
    return tally.tally(tally.of_rows(month, [_speed_rows(*name, profile, good)]), [profile])


def _village(pattern: list[str]) -> VillageMonth:
    """Return a month in which one device's minutes are the pattern, and each gap a hole in `seq`."""
    names = {"U": "answered", "D": "unanswered", "L": "local_fault", "O": "off_site"}
    begin_s = Month(2026, 8, WIB).first_minute * 60
    rows = [
        [begin_s + number * 60, number * 10, number * 10, f"b{number}", 0, names[letter], 0, 0, None, None]
        for number, letter in enumerate(pattern)
        if letter in names
    ]
    return read(
        {
            "month": "2026-08",
            "timezone": "Asia/Jakarta",
            "profile": msgspec.to_builtins(_profile()),
            "devices": [{"id": "desa-1", "samples": rows}],
        }
    )
