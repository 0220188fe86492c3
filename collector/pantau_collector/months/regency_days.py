"""The day rows of many villages as arrays, each counted by its day's profile: what months rest on."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_collector.analysis import days as day_rows
from pantau_collector.analysis.calendar import DAY_MINUTES, offset_minutes
from pantau_collector.analysis.sla.tally import NUMBERS, Days
from pantau_collector.months import dayrows
from pantau_collector.months.instants import MINUTE_NS, margined_span_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.months.villages import Terms
    from pantau_collector.storage.base import Store

_WANTED = ("village", "time_ns", "states", "day_rules", *NUMBERS)


def read(store: Store, month: Month, terms: Mapping[str, Terms]) -> Days:
    """Return the month and its margins of those villages, numbered in the order of `terms`."""
    since_ns, until_ns = margined_span_ns(month)
    found = store.series_columns(
        dayrows.SERIES, _WANTED, since_ns=since_ns, until_ns=until_ns, where={"village": list(terms)}
    )
    number_of = {village: number for number, village in enumerate(terms)}
    village = np.array([number_of[code] for code in found["village"]], dtype=np.int64)
    minute = np.array(found["time_ns"], dtype=np.int64) // MINUTE_NS + offset_minutes(month.zone)
    day = minute // DAY_MINUTES - (since_ns // MINUTE_NS + offset_minutes(month.zone)) // DAY_MINUTES
    numbers = np.nan_to_num(np.array([found[name] for name in NUMBERS], dtype=np.float64).T)
    days = Days(
        month=month,
        village_count=len(terms),
        village=village,
        day=day,
        states=[binascii.a2b_base64(text or "") for text in found["states"]],
        numbers=numbers.reshape(-1, len(NUMBERS)),
    )
    _count_again(store, days, found["day_rules"], terms)
    return _known(days)


def _known(days: Days) -> Days:
    """Return the days without rows that say nothing, because they could not be erased."""
    kept = np.array([bool(states) for states in days.states], dtype=bool)
    if kept.all():
        return days
    states = [states for states in days.states if states]
    return Days(
        days.month, days.village_count, days.village[kept], days.day[kept], states, days.numbers[kept]
    )


def _count_again(store: Store, days: Days, rules: list[Any], terms: Mapping[str, Terms]) -> None:
    """Count those days anew whose profile is another than that which they were counted by, in place."""
    codes = list(terms)
    expected = [_rules(terms[code], days.month) for code in codes]
    other = [
        place
        for place, (village, day) in enumerate(zip(days.village.tolist(), days.day.tolist(), strict=True))
        if expected[village][day] != rules[place]
    ]
    if not other:
        return
    villages = sorted({codes[days.village[place]] for place in other})
    rows = dayrows.read(store, villages, *margined_span_ns(days.month))
    by_day = {(village, row.day): row for village, some in rows.items() for row in some}
    for place in other:
        code, day = codes[days.village[place]], days.month.days[days.day[place]]
        row = by_day.get((code, day))
        if row is not None:
            days.numbers[place] = _numbers(day_rows.judged(row, terms[code].profiles.on(day)))


def _rules(terms: Terms, month: Month) -> list[str]:
    """Return the fingerprint of each day's profile."""
    return [terms.profiles.on(day).day_rules for day in month.days]


def _numbers(row: day_rows.DayRow) -> NDArray[np.float64]:
    return np.array([getattr(row, name) for name in NUMBERS], dtype=np.float64)
