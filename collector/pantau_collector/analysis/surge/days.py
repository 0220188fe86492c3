"""Which days are alike: working days, and days off. A national holiday is a day off."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BIN_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY_S = 86_400
_EPOCH = dt.date(1970, 1, 1)
_SATURDAY = 5


@functools.cache
def national_holidays(year: int) -> frozenset[dt.date]:
    """Return Indonesia's national holidays of a year; those of the Islamic calendar ahead are estimates."""
    import holidays  # noqa: PLC0415 - 45 MiB that only the surge analysis needs

    return frozenset(holidays.country_holidays("ID", years=year))


def is_day_off(day: dt.date) -> bool:
    """Return whether a day counts as a weekend."""
    return day.weekday() >= _SATURDAY or day in national_holidays(day.year)


@functools.cache
def is_day_off_number(day: int) -> bool:
    """Return whether a day, counted since 1970-01-01, counts as a weekend."""
    return is_day_off(_EPOCH + dt.timedelta(days=day))


@functools.lru_cache(maxsize=16)
def days_alike(local_day: int) -> NDArray[np.bool_]:
    """Return which of the days before are of the same class: shape (28,), yesterday first.

    `local_day` counts days since 1970-01-01 in local time.
    """
    days_off = [is_day_off_number(local_day - back) for back in range(BASELINE_DAYS + 1)]
    alike: NDArray[np.bool_] = np.array(days_off[1:]) == days_off[0]
    return alike


def local_day(bin_index: int, utc_offset_s: int) -> int:
    """Return the local day, counted since 1970-01-01, in which a bin begins."""
    return (bin_index * BIN_S + utc_offset_s) // _DAY_S
