"""One village's month from what its devices told: states, delays and tests, a row for each day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis import delays, maintenance
from pantau_collector.analysis.calendar import DAY_MINUTES, MARGIN_DAYS, first_minute, offset_minutes
from pantau_collector.analysis.days import TEST, DayRow, packed_states, speed_counts
from pantau_collector.analysis.states import (
    Evidence,
    State,
    device_states,
    minutes_within,
    only_within,
    tidied,
    village_states,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.maintenance import Window
    from pantau_collector.analysis.profiles import Profiles
    from pantau_collector.analysis.states import Samples, States
    from pantau_collector.registry.timezones import Zone

    Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Device:
    """One device's samples, and when it stood in this village: spans [from, to) in s, or None for always.

    What it told while it stood elsewhere still says what the gaps were, and nothing else.
    """

    samples: Samples
    placed_s: Sequence[Span] | None = None


@dataclass(frozen=True, slots=True)
class Tests:
    """The village's speed tests: arrays of one length. `time_s` since 1970; NaN for a direction not measured.

    `counted`: by the profile's engine, wired, on site, and not limited by anything but the line.
    """

    time_s: NDArray[np.float64]
    download_bps: NDArray[np.float64]
    upload_bps: NDArray[np.float64]
    counted: NDArray[np.bool_]


NO_TESTS = Tests(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool))


@dataclass(frozen=True, slots=True)
class VillageMonth:
    """All that one village's month rests on, with margins of at least two days.

    `target_faults_s`: spans in which the targets were at fault (`targets.py`): what went unanswered then is
    unknown, and delays and losses are not counted.
    """

    month: Month
    profiles: Profiles
    devices: Sequence[Device]
    tests: Tests = NO_TESTS
    maintenance: Sequence[Window] = ()
    target_faults_s: Sequence[Span] = field(default=())


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive days of one village and all that they rest on.

    `maintenance`: which of their minutes leave the account.
    """

    zone: Zone
    days: Sequence[date]
    profiles: Profiles
    devices: Sequence[Device]
    tests: Tests
    maintenance: NDArray[np.bool_]
    target_faults_s: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class _Grid:
    """What was found in each minute of a stretch. Delays are NaN where there is none."""

    states: States
    p50_ms: NDArray[np.float64]
    pdv_p95_ms: NDArray[np.float64]
    sent: NDArray[np.int64]
    lost: NDArray[np.int64]


def day_rows(village: VillageMonth) -> list[DayRow]:
    """Return a row for each day of the month and its margins, in order.

    Maintenance is known for the month's own days only; those of the margins carry none.
    """
    month = village.month
    accepted = np.zeros(len(month.days) * DAY_MINUTES, dtype=bool)
    accepted[MARGIN_DAYS * DAY_MINUTES : len(accepted) - MARGIN_DAYS * DAY_MINUTES] = (
        maintenance.accepted_minutes(month, village.maintenance, village.profiles.on(month.first_day))
    )
    stretch = Stretch(
        zone=month.zone,
        days=month.days,
        profiles=village.profiles,
        devices=village.devices,
        tests=village.tests,
        maintenance=accepted,
        target_faults_s=village.target_faults_s,
    )
    return rows_of(stretch)


def rows_of(stretch: Stretch) -> list[DayRow]:
    """Return a row for each day of a stretch, in order."""
    grid = _grid(stretch)
    tests_of_day = _tests_by_day(stretch)
    return [_row(stretch, grid, number, tests_of_day[number]) for number in range(len(stretch.days))]


def _grid(stretch: Stretch) -> _Grid:
    first, count = _first_and_count(stretch)
    faulty = minutes_within(stretch.target_faults_s, first, count)
    p50_ms, pdv_p95_ms = np.full(count, np.nan), np.full(count, np.nan)
    sent, lost = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    by_device = []
    for device in stretch.devices:
        samples = _unjudged(tidied(device.samples), stretch.target_faults_s)
        states = device_states(samples, first, count)
        if device.placed_s is not None:
            states = only_within(states, device.placed_s, first)
        by_device.append(states)
        at, rows = _answered(samples, states, faulty, first)
        np.fmin.at(p50_ms, at, rows.rtd_p50_ms)
        np.fmin.at(pdv_p95_ms, at, rows.rtd_pdv_p95_ms)
        np.add.at(sent, at, rows.sent)
        np.add.at(lost, at, rows.sent - rows.received)
    return _Grid(village_states(by_device, count), p50_ms, pdv_p95_ms, sent, lost)


def _first_and_count(stretch: Stretch) -> tuple[int, int]:
    return first_minute(stretch.days[0], stretch.zone), len(stretch.days) * DAY_MINUTES


def _unjudged(samples: Samples, target_faults_s: Sequence[Span]) -> Samples:
    """Return the samples, those that no target answered while the targets were at fault as `UNJUDGED`."""
    if not target_faults_s or not len(samples):
        return samples
    first = int(samples.minute[0])
    faulty = minutes_within(target_faults_s, first, int(samples.minute[-1]) - first + 1)
    unjudged = (samples.evidence == Evidence.UNANSWERED) & faulty[samples.minute - first]
    evidence = np.where(unjudged, np.uint8(Evidence.UNJUDGED), samples.evidence)
    return type(samples)(*(*samples.columns[:5], evidence, *samples.columns[6:]))


def _answered(
    samples: Samples, states: States, faulty: NDArray[np.bool_], first: int
) -> tuple[NDArray[np.int64], Samples]:
    """Return the samples whose delays and losses count, and where in the grid they lie."""
    at = samples.minute - first
    inside = (at >= 0) & (at < len(states)) & (samples.evidence == Evidence.ANSWERED)
    inside[inside] = (states[at[inside]] == State.UP) & ~faulty[at[inside]]
    return at[inside], samples.taken(inside)


def _tests_by_day(stretch: Stretch) -> list[tuple[NDArray[np.void], int]]:
    """Return, for each day, the counted tests in order and the number of the others; none of maintenance."""
    first, count = _first_and_count(stretch)
    tests = stretch.tests
    at = np.floor_divide(tests.time_s, 60).astype(np.int64) - first
    inside = (at >= 0) & (at < count)
    inside[inside] = ~stretch.maintenance[at[inside]]
    second = np.floor(tests.time_s + offset_minutes(stretch.zone) * 60) % (DAY_MINUTES * 60)
    found = np.empty(len(at), dtype=TEST)
    found["second_of_day"] = second
    found["download_bps"], found["upload_bps"] = tests.download_bps, tests.upload_bps
    by_day = []
    for number in range(len(stretch.days)):
        mine = inside & (at // DAY_MINUTES == number)
        counted = found[mine & tests.counted]
        order = np.lexsort((counted["upload_bps"], counted["download_bps"], counted["second_of_day"]))
        by_day.append((counted[order], int(np.count_nonzero(mine & ~tests.counted))))
    return by_day


def _row(stretch: Stretch, grid: _Grid, number: int, tests_of_day: tuple[NDArray[np.void], int]) -> DayRow:
    day = stretch.days[number]
    profile = stretch.profiles.on(day)
    minutes = slice(number * DAY_MINUTES, (number + 1) * DAY_MINUTES)
    counting = ~stretch.maintenance[minutes]
    p50_ms, pdv_p95_ms = _known(grid.p50_ms[minutes], counting), _known(grid.pdv_p95_ms[minutes], counting)
    tests, uncounted_tests = tests_of_day
    return DayRow(
        day=day,
        day_rules=profile.day_rules,
        states=packed_states(grid.states[minutes], stretch.maintenance[minutes]),
        latency_n=len(p50_ms),
        latency_k=int(np.count_nonzero(p50_ms <= profile.latency_max_ms)),
        latency_sum_ms=float(p50_ms.sum()),
        latency_histogram=delays.histogram(p50_ms),
        variation_n=len(pdv_p95_ms),
        variation_k=int(np.count_nonzero(pdv_p95_ms <= profile.variation_max_ms)),
        variation_sum_ms=float(pdv_p95_ms.sum()),
        variation_histogram=delays.histogram(pdv_p95_ms),
        sent_count=int(grid.sent[minutes][counting].sum()),
        lost_count=int(grid.lost[minutes][counting].sum()),
        uncounted_tests=uncounted_tests,
        tests=tests.tobytes(),
        **speed_counts(tests, day, profile),
    )


def _known(values_ms: NDArray[np.float64], counting: NDArray[np.bool_]) -> NDArray[np.float64]:
    return values_ms[counting & ~np.isnan(values_ms)]
