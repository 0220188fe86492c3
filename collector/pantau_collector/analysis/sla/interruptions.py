"""What interrupted villages in a month, one by one: outages of the link, power cuts, faults on this side.

Only the first are the provider's: the others have no restitution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pantau_collector.analysis.calendar import first_minute
from pantau_collector.analysis.outages import joined
from pantau_collector.analysis.sla.tally import Timeline
from pantau_collector.analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.analysis.sla.tally import Days

    Whole = NDArray[np.int64]

OTHER_CAUSES = (State.LOCAL_FAULT, State.POWER_OFF)


class Interruption(NamedTuple):
    """One interruption of a village (its number in `Days`), from a minute since 1970 to before another.

    `minutes`: how long it lasted in its own minutes. `counted`: those in the account of this month.
    `restitution`: those outside of maintenance, whichever month's, where it is a long outage.
    """

    village: int
    cause: State
    begin: int
    end: int
    minutes: int
    counted: int
    long: bool
    restitution: int


def outages(days: Days, profiles: Sequence[Profile]) -> list[Interruption]:
    """Return the outages of all villages, those of the margins too, in order of village and time."""
    timeline = Timeline.of(days)
    return list(_grouped(days, timeline, timeline.found.of_run, profiles, State.LINK_DOWN))


def of_month(days: Days, profiles: Sequence[Profile]) -> list[Interruption]:
    """Return what began in the month itself: outages, and whatever else lasted as long as a long one."""
    timeline = Timeline.of(days)
    found = list(_grouped(days, timeline, timeline.found.of_run, profiles, State.LINK_DOWN))
    runs = joined(timeline.runs.state, timeline.village)
    for cause in OTHER_CAUSES:
        mine = np.where(timeline.runs.state == cause, runs, -1)
        found += [one for one in _grouped(days, timeline, mine, profiles, cause) if one.long]
    first, last = days.month.first_minute, days.month.first_minute + days.month.minute_count
    return [one for one in found if first <= one.begin < last]


def _grouped(
    days: Days, timeline: Timeline, group: Whole, profiles: Sequence[Profile], cause: State
) -> Iterator[Interruption]:
    """Yield an interruption for each group of runs; -1 is none."""
    rows = np.flatnonzero(group >= 0)
    if not len(rows):
        return
    _, first_at, number = np.unique(group[rows], return_index=True, return_inverse=True)
    minutes = timeline.runs.minutes[rows]
    lasted, counted, outside = (
        np.bincount(number, weights=minutes * which).astype(np.int64)
        for which in (1, timeline.accounted[rows], ~timeline.maintenance[rows])
    )
    village = timeline.village[rows[first_at]]
    end = np.zeros(len(lasted), dtype=np.int64)
    np.maximum.at(end, number, timeline.start[rows] + minutes)
    bounds_s = np.array([one.long_outage_above_s for one in profiles], dtype=np.int64)[village]
    long = lasted * 60 > bounds_s
    base = first_minute(days.month.days[0], days.month.zone)
    owed = outside * long * (cause == State.LINK_DOWN)
    columns = (village, timeline.start[rows[first_at]] + base, end + base, lasted, counted, long, owed)
    for at, begin, until, total, mine, is_long, restitution in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield Interruption(at, cause, begin, until, total, mine, is_long, restitution)
