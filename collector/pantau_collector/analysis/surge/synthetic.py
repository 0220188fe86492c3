"""Synthetic traffic with known surges: evening peak, office hump, noise with memory, growth, power gaps.

Everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from pantau_collector.analysis.surge.days import is_day_off_number
from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BIN_S, BINS_PER_DAY
from pantau_collector.analysis.surge.traffic_set import Event, TrafficSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Regime = Literal["calm", "heavy"]

_WIB_S = 25_200
_START_S: Final = 1_780_246_800  # 2026-06-01 00:00 WIB
_AR_COEFFICIENT = 0.85
_SPREAD_RANGE = (0.08, 0.25)
_HEAVY_FREEDOM = 3
_GROWTH = 1.28
_GROWTH_DAYS = 70
_FACTORS = (2.0, 3.0, 5.0)
_EVENT_BINS = (6, 36)  # 30 to 180 minutes
_GAP_BINS = (3, 60)
_GAPS_PER_DAY = 0.05
_FESTIVAL_LOG = float(np.log(1.6))


@dataclass(frozen=True, slots=True)
class Size:
    """How much traffic to make. Every village has one event of each factor after the first four weeks."""

    regencies: int = 8
    villages_per_regency: int = 25
    days: int = 70
    event_factors: tuple[float, ...] = _FACTORS


def make(seed: int, regime: Regime, size: Size = Size()) -> TrafficSet:
    """Return traffic of one regime with the events that were put into it."""
    rng = np.random.default_rng(seed)
    regency = np.repeat(np.arange(size.regencies, dtype=np.int32), size.villages_per_regency)
    villages, bins = len(regency), size.days * BINS_PER_DAY
    spread = rng.uniform(*_SPREAD_RANGE, villages)
    usual = _usual(rng, villages, bins) + _festivals(rng, regency, bins)
    log_rate = usual + spread[:, None] * _noise(rng, regime, villages, bins)
    events = _events(rng, villages, size)
    for event in events:
        log_rate[event.village, event.first_bin : event.last_bin + 1] += np.log(event.factor)
    rate_bps = np.exp(log_rate)
    _cut_power(rng, rate_bps)
    return TrafficSet(rate_bps, _START_S, np.full(villages, _WIB_S, np.int32), regency, events)


def spreads_of(seed: int, size: Size = Size()) -> Floats:
    """Return the noise's standard deviation of each village that `make` uses with this seed."""
    rng = np.random.default_rng(seed)
    return rng.uniform(*_SPREAD_RANGE, size.regencies * size.villages_per_regency)


def _usual(rng: np.random.Generator, villages: int, bins: int) -> Floats:
    """Return logarithms of what is usual: size of the village, time of day, kind of day, growth."""
    hour = np.arange(bins) * BIN_S / 3600 % 24
    days = (np.arange(bins) * BIN_S + _START_S + _WIB_S) // 86_400
    day_off = np.array([is_day_off_number(int(day)) for day in np.unique(days)])[days - days[0]]
    evening = np.exp(-(((hour - 20) / 2.5) ** 2))
    office = np.exp(-(((hour - 11) / 3) ** 2)) * np.where(day_off, 0.35, 1.0)
    night = np.exp(-((((hour + 10) % 24 - 13.5) / 3) ** 2))  # quiet around 3:30
    village = rng.normal(np.log(12e6), 0.4, villages)[:, None]
    peak = rng.uniform(0.8, 1.3, villages)[:, None]
    hump = rng.uniform(0.3, 0.9, villages)[:, None]
    growth = np.log(_GROWTH) * np.arange(bins) / (_GROWTH_DAYS * BINS_PER_DAY)
    found: Floats = village + peak * evening + hump * office - 1.2 * night + growth
    return found


def _festivals(rng: np.random.Generator, regency: NDArray[np.int32], bins: int) -> Floats:
    """Return the logarithm of two days of +60% in every regency, some time after the first four weeks."""
    extra = np.zeros((len(regency), bins))
    first, last = BASELINE_DAYS + 2, bins // BINS_PER_DAY - 3
    for at in np.unique(regency) if last > first else ():
        start = int(rng.integers(first, last)) * BINS_PER_DAY
        extra[regency == at, start : start + 2 * BINS_PER_DAY] = _FESTIVAL_LOG
    return extra


def _noise(rng: np.random.Generator, regime: Regime, villages: int, bins: int) -> Floats:
    """Return AR(1) noise of variance 1: normal, or with the heavy tails of Student's t."""
    if regime == "calm":
        shocks = rng.standard_normal((villages, bins))
    else:
        shocks = rng.standard_t(_HEAVY_FREEDOM, (villages, bins))
        shocks /= np.sqrt(_HEAVY_FREEDOM / (_HEAVY_FREEDOM - 2))
    shocks *= np.sqrt(1 - _AR_COEFFICIENT**2)
    noise = np.empty_like(shocks)
    noise[:, 0] = shocks[:, 0] / np.sqrt(1 - _AR_COEFFICIENT**2)
    for at in range(1, bins):
        noise[:, at] = _AR_COEFFICIENT * noise[:, at - 1] + shocks[:, at]
    return noise


def _events(rng: np.random.Generator, villages: int, size: Size) -> tuple[Event, ...]:
    """Return one event a village and factor, days apart from each other."""
    first_day = BASELINE_DAYS + 1
    share = (size.days - first_day) // max(len(size.event_factors), 1)
    events = []
    for village in range(villages):
        for at, factor in enumerate(rng.permutation(np.array(size.event_factors))):
            day = first_day + at * share + int(rng.integers(0, max(share - 1, 1)))
            start = day * BINS_PER_DAY + int(rng.integers(0, BINS_PER_DAY))
            length = int(rng.integers(_EVENT_BINS[0], _EVENT_BINS[1] + 1))
            last = min(start + length - 1, size.days * BINS_PER_DAY - 1)
            events.append(Event(village, start, last, float(factor)))
    return tuple(events)


def _cut_power(rng: np.random.Generator, rate_bps: Floats) -> None:
    villages, bins = rate_bps.shape
    for village in range(villages):
        for start in rng.integers(0, bins, rng.poisson(_GAPS_PER_DAY * bins / BINS_PER_DAY)):
            rate_bps[village, start : start + rng.integers(*_GAP_BINS)] = np.nan
