"""How much a village uses its line: hours, weekdays, holidays, growth, bursts, surges, and noise."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.population import Population

    Whole = NDArray[np.int64]
    Numbers = NDArray[np.float64]

_DAY = 1440
# Shares of the evening's peak at each hour of the village's own clock, and at midnight again.
_WORKDAY = (
    0.32,
    0.20,
    0.14,
    0.11,
    0.12,
    0.20,
    0.30,
    0.38,
    0.46,
    0.52,
    0.55,
    0.54,
    0.50,
    0.50,
    0.50,
    0.50,
    0.52,
    0.58,
    0.72,
    0.90,
    1.0,
    0.97,
    0.78,
    0.52,
    0.32,
)
_DAY_OFF = (
    0.42,
    0.28,
    0.18,
    0.13,
    0.13,
    0.18,
    0.28,
    0.42,
    0.55,
    0.64,
    0.68,
    0.68,
    0.66,
    0.66,
    0.66,
    0.67,
    0.68,
    0.72,
    0.82,
    0.96,
    1.06,
    1.03,
    0.86,
    0.62,
    0.42,
)
_OFFICE = (
    0.06,
    0.05,
    0.05,
    0.05,
    0.05,
    0.06,
    0.10,
    0.40,
    0.88,
    1.0,
    0.98,
    0.86,
    0.62,
    0.85,
    0.92,
    0.70,
    0.30,
    0.16,
    0.14,
    0.13,
    0.12,
    0.10,
    0.08,
    0.07,
    0.06,
)
_OFFICE_OFF = tuple(0.08 for _ in _OFFICE)
_SHAPES = np.array([[_WORKDAY, _DAY_OFF], [_OFFICE, _OFFICE_OFF]])
_SATURDAY = 5
_THURSDAY = 3  # 1970 began on one
_GROWTH_PER_DAY = np.log(1.28) / 70
_BURST_FACTOR = 1.8
IDLE_BPS = 2_000.0


def demand_bps(
    dice: Dice, population: Population, *, who: Whole, minute: Whole, epoch_minute: int, factor: Numbers
) -> Numbers:
    """Return what the village would take (bit/s, received): devices by minutes, before the line's limit.

    `factor` is what events and surges multiply it by.
    """
    key = population.village_key[who][:, None]
    level = population.character("load")[who] * population.of("download_bps")[who]
    level = level * np.exp(0.25 * dice.normal("level", population.village_key[who]))
    growth = _GROWTH_PER_DAY * (0.4 + 1.2 * dice.uniform("growth", key))
    days = (minute - epoch_minute) / _DAY
    spread = 0.05 + 0.10 * dice.uniform("traffic spread", key)
    noise = 0.7 * dice.smooth("traffic, hours", key, minute, 150) + 0.6 * dice.smooth(
        "traffic, minutes", key, minute, 20
    )
    noise += 0.35 * dice.normal("traffic", key, minute)
    usual = level[:, None] * _shape(population, who, minute)
    demand: Numbers = usual * np.exp(growth * days + spread * noise) * factor
    return demand


def carried_bps(demand: Numbers, most_bps: Numbers) -> Numbers:
    """Return what a line of this rate carries of a demand: all of a small one, never more than it can."""
    share = demand / most_bps
    carried: Numbers = np.maximum(demand / (1 + share**6) ** (1 / 6), IDLE_BPS)
    return carried


def burst_factor(bursting: NDArray[np.bool_]) -> Numbers:
    """Return what a burst multiplies the demand by."""
    return np.where(bursting, _BURST_FACTOR, 1.0)


def is_day_off(day: Whole) -> NDArray[np.bool_]:
    """Return which local days (since 1970) are at weekends or national holidays."""
    off: NDArray[np.bool_] = (day + _THURSDAY) % 7 >= _SATURDAY
    first, last = int(day.min()), int(day.max())
    holidays = [one for one in range(first, last + 1) if _date(one) in _holidays(_date(one).year)]
    return off | np.isin(day, holidays)


def _shape(population: Population, who: Whole, minute: Whole) -> Numbers:
    """Return the part of the peak that this hour usually has: devices by minutes."""
    office = np.array(
        [population.technologies[at].profile == "kantor" for at in who.tolist()], dtype=np.int64
    )
    shape = np.empty((len(who), len(minute)))
    offsets = population.utc_offset_minutes[who]
    for offset in np.unique(offsets).tolist():
        rows = np.flatnonzero(offsets == offset)
        local = minute + offset
        off = is_day_off(local // _DAY).astype(np.int64)
        hour, share = (local % _DAY) // 60, (local % 60) / 60
        curves = _SHAPES[:, off, hour] * (1 - share) + _SHAPES[:, off, hour + 1] * share
        shape[rows] = curves[office[rows]]
    return shape


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


@functools.cache
def _holidays(year: int) -> frozenset[dt.date]:
    import holidays  # noqa: PLC0415 - takes a while, and only fleets need it

    return frozenset(holidays.country_holidays("ID", years=year))
