"""What the months of many villages add up to, before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis import outages
from pantau_collector.analysis.calendar import DAY_MINUTES, MARGIN_DAYS
from pantau_collector.analysis.days import NO_STATES, RUN, unpacked_states
from pantau_collector.analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.days import DayRow
    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.analysis.states import Runs

    Numbers = NDArray[np.float64]
    Counts = NDArray[np.int64]

# The columns of a day's row that a month adds up.
NUMBERS = (
    "latency_n",
    "latency_k",
    "latency_sum_ms",
    "variation_n",
    "variation_k",
    "variation_sum_ms",
    "sent_count",
    "lost_count",
    "download_n",
    "download_k",
    "download_sum_bps",
    "upload_n",
    "upload_k",
    "upload_sum_bps",
    "uncounted_tests",
)


@dataclass(frozen=True, slots=True)
class Days:
    """Day rows of some villages, in any order, each village and day at most once.

    `village`: 0 up to `village_count`. `day`: its place in `Month.days`, margins included. `states`:
    `DayRow.states`. `numbers`: a column for each of `NUMBERS`, counted by the profile of the day. Days
    without a row are unknown.
    """

    month: Month
    village_count: int
    village: Counts
    day: Counts
    states: Sequence[bytes]
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Tallies:
    """Sums of some villages' months; every array has a row for each village.

    `state_minutes`: a column for each state, maintenance left out. `long_minutes`, `short_minutes`: of
    outages, their flickers included. `down_minutes`: those of them that count against availability;
    `down_flickers`: the `up` ones among these. `numbers`: `NUMBERS` added up. `download_days`, `upload_days`:
    with counted tests.
    """

    month_minutes: Counts
    maintenance_minutes: Counts
    state_minutes: Counts
    long_minutes: Counts
    short_minutes: Counts
    down_minutes: Counts
    down_flickers: Counts
    numbers: Numbers
    download_days: Counts
    upload_days: Counts

    def number(self, name: str) -> Numbers:
        """Return one of `NUMBERS`."""
        return self.numbers[:, NUMBERS.index(name)]

    def minutes_of(self, *states: State) -> Counts:
        """Return the minutes of some states together."""
        return np.asarray(self.state_minutes[:, list(states)].sum(axis=1))

    def __add__(self, other: Tallies) -> Tallies:
        """Return the same villages' sums over both months: what is pooled is judged by these."""
        return Tallies(*(getattr(self, own.name) + getattr(other, own.name) for own in fields(self)))

    def together(self) -> Tallies:
        """Return the sums over all villages, as one: a regency's."""
        return Tallies(*(getattr(self, own.name).sum(axis=0, keepdims=True) for own in fields(self)))


def of_rows(month: Month, villages: Sequence[Sequence[DayRow]]) -> Days:
    """Return the days of some villages' rows; rows outside of the month and its margins are left out."""
    place = {day: number for number, day in enumerate(month.days)}
    found = [
        (village, place[row.day], row)
        for village, rows in enumerate(villages)
        for row in rows
        if row.day in place
    ]
    return Days(
        month,
        len(villages),
        np.array([village for village, _, _ in found], dtype=np.int64),
        np.array([day for _, day, _ in found], dtype=np.int64),
        [row.states for _, _, row in found],
        np.array([[getattr(row, name) for name in NUMBERS] for _, _, row in found], dtype=np.float64).reshape(
            -1, len(NUMBERS)
        ),
    )


def tally(days: Days, profiles: Sequence[Profile]) -> Tallies:
    """Return the sums; `profiles` holds the one with which each village's month begins."""
    timeline = Timeline.of(days)
    count = days.village_count
    long = timeline.found.in_long(_of_runs([one.long_outage_above_s for one in profiles], timeline))
    short = (timeline.found.of_run >= 0) & ~long
    flicker = timeline.runs.state == State.UP
    long_minutes, short_minutes = timeline.minutes(count, long), timeline.minutes(count, short)
    allowed = np.array([one.short_outages_allowed_minutes for one in profiles], dtype=np.int64)
    shorts_count = short_minutes > allowed
    numbers = _added(days)
    return Tallies(
        month_minutes=np.full(count, days.month.minute_count),
        maintenance_minutes=days.month.minute_count - timeline.minutes(count),
        state_minutes=np.stack(
            [timeline.minutes(count, timeline.runs.state == state) for state in State], axis=1
        ),
        long_minutes=long_minutes,
        short_minutes=short_minutes,
        down_minutes=long_minutes + shorts_count * short_minutes,
        down_flickers=timeline.minutes(count, long & flicker)
        + shorts_count * timeline.minutes(count, short & flicker),
        numbers=numbers,
        download_days=_days_with(days, "download_n"),
        upload_days=_days_with(days, "upload_n"),
    )


@dataclass(frozen=True, slots=True)
class Timeline:
    """The runs of all villages, one village after the other, each through the month and its margins.

    `start`: in minutes since the first day's beginning. `maintenance`: which runs are under maintenance;
    `accounted`: which lie in the month itself and outside of it.
    """

    runs: Runs
    village: Counts
    start: Counts
    maintenance: NDArray[np.bool_]
    accounted: NDArray[np.bool_]
    found: outages.Outages

    @classmethod
    def of(cls, days: Days) -> Timeline:
        """Put the days in order, and unknown ones where there is no row."""
        day_count = len(days.month.days)
        blobs = [NO_STATES] * (days.village_count * day_count)
        for slot, states in zip((days.village * day_count + days.day).tolist(), days.states, strict=True):
            blobs[slot] = states
        runs, maintenance = unpacked_states(blobs)
        run_counts = np.fromiter(map(len, blobs), dtype=np.int64, count=len(blobs)) // RUN.itemsize
        slot_of_run = np.repeat(np.arange(len(blobs)), run_counts)
        village, day = np.divmod(slot_of_run, day_count)
        own = (day >= MARGIN_DAYS) & (day < day_count - MARGIN_DAYS)
        found = outages.find(runs.state, runs.minutes, village)
        start = np.cumsum(runs.minutes) - runs.minutes - village * day_count * DAY_MINUTES
        return cls(runs, village, start, maintenance, own & ~maintenance, found)

    def minutes(self, village_count: int, which: NDArray[np.bool_] | None = None) -> Counts:
        """Return each village's accounted minutes, of some runs or of all."""
        taken = self.accounted if which is None else self.accounted & which
        added = np.bincount(self.village[taken], weights=self.runs.minutes[taken], minlength=village_count)
        return added.astype(np.int64)


def _of_runs(values: Sequence[int], timeline: Timeline) -> Counts:
    return np.array(values, dtype=np.int64)[timeline.village]


def _own(days: Days) -> NDArray[np.bool_]:
    """Return which rows are of the month itself."""
    return (days.day >= MARGIN_DAYS) & (days.day < MARGIN_DAYS + days.month.day_count)


def _added(days: Days) -> Numbers:
    own = _own(days)
    village, numbers = days.village[own], days.numbers[own]
    columns = [
        np.bincount(village, weights=numbers[:, column], minlength=days.village_count)
        for column in range(len(NUMBERS))
    ]
    return np.stack(columns, axis=1)


def _days_with(days: Days, name: str) -> Counts:
    with_tests = _own(days) & (days.numbers[:, NUMBERS.index(name)] > 0)
    return np.bincount(days.village[with_tests], minlength=days.village_count)
