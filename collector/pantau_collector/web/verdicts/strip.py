"""A village's month minute by minute: a row for each day, 24 hours wide, and what the days add up to.

Pure geometry over run-length states. A minute with an outage stays visible, however short.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.analysis.calendar import DAY_MINUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from pantau_collector.months.model import DayStates

LEFT, TOP = 64, 22
WIDTH, ROW, BAR = 960, 15, 12
_PER_MINUTE = WIDTH / DAY_MINUTES
_NARROWEST = 1.5
MAINTENANCE = "maintenance"
_ON_TOP = ("link_down", MAINTENANCE)


@dataclass(frozen=True, slots=True)
class Day:
    """One day's row: where it stands, and its minutes by state, maintenance among them."""

    day: date
    y: float
    minutes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Strip:
    """The whole picture. `paths`: for each state that occurs, the outline of all its bars."""

    days: list[Day]
    paths: dict[str, str]
    states: list[str]
    height: int
    hours: list[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Cause:
    """What one state came to: how often, how long in all, and how long at most. Minutes."""

    state: str
    count: int
    minutes: int
    longest: int


def build(days: Sequence[DayStates], order: Iterable[str]) -> Strip:
    """Return the picture of some days, one below the other; `order` is that of the legend."""
    bars: dict[str, list[str]] = defaultdict(list)
    rows = []
    for number, day in enumerate(days):
        y = TOP + number * ROW
        minutes: Counter[str] = Counter()
        for state, begin, length in _spans(day):
            minutes[state] += length
            bars[state].append(_bar(begin, length, y))
        rows.append(Day(day.day, y, dict(minutes)))
    states = [state for state in order if state in bars]
    drawn = sorted(states, key=lambda state: _ON_TOP.index(state) if state in _ON_TOP else -1)
    return Strip(
        rows,
        {state: "".join(bars[state]) for state in drawn},
        states,
        TOP + len(days) * ROW,
        [(LEFT + hour * 60 * _PER_MINUTE, f"{hour:02}") for hour in range(0, 25, 3)],
    )


def causes(days: Sequence[DayStates], order: Iterable[str]) -> list[Cause]:
    """Return what each state but `up` came to; a stretch across midnight is one."""
    stretches: dict[str, list[int]] = defaultdict(list)
    before = ""
    for day in days:
        for state, _, length in _spans(day):
            if state == before:
                stretches[state][-1] += length
            else:
                stretches[state].append(length)
            before = state
    return [
        Cause(state, len(stretches[state]), sum(stretches[state]), max(stretches[state]))
        for state in order
        if state != "up" and state in stretches
    ]


def _spans(day: DayStates) -> Iterator[tuple[str, int, int]]:
    """Yield state, first minute and length; minutes under maintenance are `maintenance`."""
    begin = 0
    for state, length, under_maintenance in day.runs:
        yield MAINTENANCE if under_maintenance else state, begin, length
        begin += length


def _bar(begin: int, length: int, y: float) -> str:
    x, width = LEFT + begin * _PER_MINUTE, max(length * _PER_MINUTE, _NARROWEST)
    return f"M{x:.1f},{y:g}h{width:.1f}v{BAR}h-{width:.1f}z"
