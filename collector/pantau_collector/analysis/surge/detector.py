"""The detector: one step takes a bin of rates and returns what is unusual in it.

All that it holds is its memory, which can be rebuilt by feeding it the last weeks again.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_collector.analysis.surge import memory, regional, rules, scoring
from pantau_collector.analysis.surge.days import days_alike, local_day
from pantau_collector.analysis.surge.history import bins_of_the_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pantau_collector.analysis.surge.memory import Memory

    Floats = NDArray[np.float32]

_BLOCK = 4096
"""Series that are worked on at once: their past fits the processor's cache."""
NEVER = np.iinfo(np.int64).max
_REACH_BINS = rules.BASELINE_DAYS * rules.BINS_PER_DAY + rules.BASELINE_REACH_BINS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where each series belongs: which regency (numbered from 0, one number a direction), which local time.

    Both of shape (series,). Series of one time zone should lie together.
    """

    regency: NDArray[np.int32]
    utc_offset_s: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a step found, each of shape (series,) and NaN where it cannot be told."""

    score: Floats
    cusum: Floats
    ratio: Floats
    """Rate over the normal rate."""
    baseline_bps: Floats
    spread: Floats
    """Of the logarithm of the rate."""
    alarm: NDArray[np.uint8]
    """0 none, 1 slow (`scoring.SLOW`), 2 fast (`scoring.FAST`)."""
    learning_left_days: NDArray[np.int16]
    """Days until there are scores; 0 once there are."""
    regional_score: Floats
    """Of each regency: shape (regencies,)."""
    regional_ratio: Floats
    """The regency's median rate over its normal one: shape (regencies,)."""


class Detector:
    """Scores of many villages' rates, bin after bin.

    `first_bin` says since when each series has a history that counts; what is older is passed over. It is
    noted from the rates, and may be set where a series begins anew.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        known: Memory | None = None,
        first_bin: NDArray[np.int64] | None = None,
        learning_bins: int = rules.LEARNING_BINS,
    ) -> None:
        """Begin without history, or with what is known already."""
        self._learning = learning_bins
        count = len(surroundings.regency)
        self._groups = regional.members(surroundings.regency)
        self._blocks = list(_blocks(surroundings.utc_offset_s))
        self._memory = known or memory.in_main_memory(count, len(self._groups))
        self.first_bin = np.full(count, NEVER, dtype=np.int64) if first_bin is None else first_bin

    def remember(self, bin_index: int, rate_bps: NDArray[np.floating]) -> None:
        """Take a bin as history only, without judging it: what a cold start does with the weeks before."""
        log_rates = scoring.log_rate(rate_bps)
        self._note_first(bin_index, log_rates)
        self._memory.rates.put(bin_index, log_rates)

    def remember_level(self, bin_index: int) -> None:
        """Know the level of the day before a bin from its remembered rates, an hour at once, unjudged."""
        for first in range(
            bin_index - rules.LEVEL_BINS - rules.BINS_PER_HOUR, bin_index, rules.BINS_PER_HOUR
        ):
            log_rates = self._memory.rates.bins(first, rules.BINS_PER_HOUR)
            normal, _ = self._baselines(first + rules.BINS_PER_HOUR // 2)
            for at, row in enumerate(log_rates):
                self._memory.residuals.put(first + at, row - normal)

    def step(self, bin_index: int, rate_bps: NDArray[np.floating]) -> Scores:
        """Take the rates (bit/s, shape (series,), NaN for a gap) of the next bin, counted since 1970.

        Bins must come in order; those that are left out are gaps.
        """
        log_rates = scoring.log_rate(rate_bps)
        self._note_first(bin_index, log_rates)
        normal, spread = self._baselines(bin_index)
        raw = log_rates - normal
        level = self._levels(bin_index)
        residuals = raw - level
        learning_bins = self._learning_bins(bin_index)
        score, cusum = self._scores(bin_index, residuals, spread, rate_bps)
        alarm = scoring.alarm(score, cusum)
        self._memory.rates.put(bin_index, log_rates)
        fast = alarm == scoring.FAST
        self._memory.residuals.put(bin_index, np.where(fast, np.float32(np.nan), raw))
        self._memory.alarm.put(bin_index, alarm)
        regional_score, regional_ratio = self._regional(bin_index, residuals)
        return Scores(
            score=score,
            cusum=cusum,
            ratio=np.exp(residuals),
            baseline_bps=np.exp(normal + level),
            spread=spread,
            alarm=alarm,
            learning_left_days=-(-learning_bins // rules.BINS_PER_DAY).astype(np.int16),
            regional_score=regional_score,
            regional_ratio=regional_ratio,
        )

    def surge_starts(self, bin_index: int, series: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return since which bin each of some series has been in a surge, a day back at most; -1 for none.

        A surge lasts until there was no alarm for an hour.
        """
        alarms = self._memory.alarm.last(bin_index, 0, rules.LEVEL_BINS, slice(None))[series]
        return np.array([_surge_start(row, bin_index) for row in alarms], dtype=np.int64)

    def regional_surge_starts(self, bin_index: int) -> NDArray[np.int64]:
        """Return the same for the regencies as wholes."""
        alarms = self._memory.regional_alarm.last(bin_index, 0, rules.LEVEL_BINS, slice(None))
        return np.array([_surge_start(row, bin_index) for row in alarms], dtype=np.int64)

    def in_surge(self, bin_index: int) -> NDArray[np.intp]:
        """Return the places of the series that are in a surge."""
        recent = self._memory.alarm.last(bin_index, 0, rules.EPISODE_PAUSE_BINS, slice(None))
        return np.flatnonzero(recent.any(axis=1))

    def _note_first(self, bin_index: int, log_rates: Floats) -> None:
        new = ~np.isnan(log_rates) & (self.first_bin > bin_index)
        self.first_bin[new] = bin_index

    def _baselines(self, bin_index: int) -> tuple[Floats, Floats]:
        normal = np.empty(len(self.first_bin), dtype=np.float32)
        spread = np.empty_like(normal)
        for block, utc_offset_s in self._blocks:
            past = self._memory.rates.same_time_of_day(bin_index, block)
            self._forget(past, bins_of_the_time(bin_index), bin_index - _REACH_BINS, block)
            alike = days_alike(local_day(bin_index, utc_offset_s))
            normal[block], spread[block] = scoring.baseline(past, alike)
        return normal, spread

    def _levels(self, bin_index: int) -> Floats:
        level = np.empty(len(self.first_bin), dtype=np.float32)
        count = rules.LEVEL_BINS - rules.LEVEL_BLIND_BINS
        bins = np.arange(bin_index - rules.LEVEL_BINS, bin_index - rules.LEVEL_BLIND_BINS)
        for block, _ in self._blocks:
            day = self._memory.residuals.last(bin_index, rules.LEVEL_BLIND_BINS + 1, count, block)
            self._forget(day, bins, bin_index - rules.LEVEL_BINS, block)
            level[block] = scoring.level(day.astype(np.float32))
        return level

    def _forget(self, values: NDArray[Any], bins: NDArray[np.int64], oldest_bin: int, block: slice) -> None:
        """Take out what is older than a series that has begun since the oldest of the bins."""
        first = self.first_bin[block]
        young = np.flatnonzero((first > oldest_bin) & (first != NEVER))
        if len(young):
            values[young] = np.where(
                bins[None] < first[young].reshape(-1, *[1] * bins.ndim), np.float32(np.nan), values[young]
            )

    def _scores(
        self, bin_index: int, residuals: Floats, spread: Floats, rate_bps: NDArray[np.floating]
    ) -> tuple[Floats, Floats]:
        learning = self._learning_bins(bin_index) > 0
        own = residuals - regional.shared_part(residuals, self._groups)
        z = scoring.z_value(own, spread, rate_bps)
        z[learning] = np.nan
        before = np.where(learning, 0, self._memory.cusum.newest()).astype(np.float32)
        calm_bins = np.where(learning, rules.CUSUM_CALM_BINS, self._memory.calm_bins.newest())
        cusum, calm_bins = scoring.cusum(before, calm_bins.astype(np.uint8), z)
        self._memory.z.put(bin_index, z)
        self._memory.cusum.put(bin_index, cusum)
        self._memory.calm_bins.put(bin_index, calm_bins)
        score = scoring.score(self._memory.z.last(bin_index, 0, rules.SCORE_BINS, slice(None)))
        nothing = np.float32(np.nan)
        return np.where(learning, nothing, score), np.where(learning, nothing, cusum)

    def _regional(self, bin_index: int, residuals: Floats) -> tuple[Floats, Floats]:
        middle = regional.of_regencies(residuals, self._groups)
        spread = np.full_like(middle, rules.SMALLEST_SPREAD)
        z = scoring.z_value(middle, spread, np.full_like(middle, np.inf))
        self._memory.regional_z.put(bin_index, z)
        score = scoring.score(self._memory.regional_z.last(bin_index, 0, rules.SCORE_BINS, slice(None)))
        self._memory.regional_alarm.put(bin_index, scoring.alarm(score, np.full_like(score, np.nan)))
        return score, np.exp(middle)

    def _learning_bins(self, bin_index: int) -> NDArray[np.int64]:
        known = bin_index - np.minimum(self.first_bin, bin_index)
        left: NDArray[np.int64] = np.maximum(self._learning - known, 0)
        return left


def _surge_start(alarms: NDArray[Any], bin_index: int) -> int:
    """Return the bin in which the surge began that goes on in the last of some bins, or -1."""
    bins = np.flatnonzero(alarms)
    if not len(bins) or len(alarms) - 1 - bins[-1] >= rules.EPISODE_PAUSE_BINS:
        return -1
    pauses = np.flatnonzero(np.diff(bins) > rules.EPISODE_PAUSE_BINS)
    first = bins[pauses[-1] + 1] if len(pauses) else bins[0]
    return bin_index - len(alarms) + 1 + int(first)


def _blocks(utc_offset_s: NDArray[np.int32]) -> Iterator[tuple[slice, int]]:
    """Yield runs of series with one local time, none longer than a block."""
    edges = np.flatnonzero(np.diff(utc_offset_s)) + 1
    bounds = [0, *edges.tolist(), len(utc_offset_s)]
    for start, end in itertools.pairwise(bounds):
        for at in range(start, end, _BLOCK):
            yield slice(at, min(at + _BLOCK, end)), int(utc_offset_s[start])
