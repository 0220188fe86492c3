"""The detector: one step takes a bin of rates and returns what is unusual in it.

What it holds can be rebuilt by feeding it the last 29 days again.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge import regional, rules, scoring
from pantau_collector.analysis.surge.days import days_alike, local_day
from pantau_collector.analysis.surge.history import RateHistory, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_BLOCK = 4096
"""Series that are worked on at once: their past fits the processor's cache."""
_NEVER = np.iinfo(np.int64).max


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
    learning_left_days: NDArray[np.int16]
    """Days until there are scores; 0 once there are."""
    regional_score: Floats
    """Of each regency: shape (regencies,)."""


class Detector:
    """Scores of many villages' rates, bin after bin."""

    def __init__(self, surroundings: Surroundings, history_file: Path | None = None) -> None:
        """Begin without history; with a file, the four weeks lie there and not in memory."""
        count = len(surroundings.regency)
        self._groups = regional.members(surroundings.regency)
        self._blocks = list(_blocks(surroundings.utc_offset_s))
        self._history = RateHistory(count, history_file)
        self._residuals = Ring(rules.LEVEL_BINS + 1, count)
        self._z = Ring(rules.SCORE_BINS, count)
        self._regional_z = Ring(rules.SCORE_BINS, len(self._groups))
        self._cusum = np.zeros(count, dtype=np.float32)
        self._calm_bins = np.full(count, rules.CUSUM_CALM_BINS, dtype=np.int16)
        self._first_bin = np.full(count, _NEVER, dtype=np.int64)

    def remember(self, bin_index: int, rate_bps: NDArray[np.floating]) -> None:
        """Take a bin as history only, without judging it: what a cold start does with the weeks before.

        A day and a bit of judged bins must follow before the level of the last day is known.
        """
        log_rates = scoring.log_rate(rate_bps)
        self._note_first(bin_index, log_rates)
        self._history.put(bin_index, log_rates)

    def step(self, bin_index: int, rate_bps: NDArray[np.floating]) -> Scores:
        """Take the rates (bit/s, shape (series,), NaN for a gap) of the next bin, counted since 1970.

        Bins must come in order; those that are left out are gaps.
        """
        log_rates = scoring.log_rate(rate_bps)
        normal, spread = self._baselines(bin_index)
        raw = log_rates - normal
        level = self._levels(bin_index)
        residuals = raw - level
        self._note_first(bin_index, log_rates)
        score = self._scores(bin_index, residuals, spread, rate_bps)
        self._history.put(bin_index, log_rates)
        self._residuals.put(bin_index, np.where(score > rules.SCORE_ALARM, np.float32(np.nan), raw))
        return Scores(
            score=score,
            cusum=np.where(self._learning_bins(bin_index) > 0, np.float32(np.nan), self._cusum),
            ratio=np.exp(residuals),
            baseline_bps=np.exp(normal + level),
            learning_left_days=-(-self._learning_bins(bin_index) // rules.BINS_PER_DAY).astype(np.int16),
            regional_score=self._regional_scores(bin_index, residuals),
        )

    def _note_first(self, bin_index: int, log_rates: Floats) -> None:
        seen = ~np.isnan(log_rates)
        self._first_bin[seen] = np.minimum(self._first_bin[seen], bin_index)

    def _baselines(self, bin_index: int) -> tuple[Floats, Floats]:
        normal, spread = np.empty_like(self._cusum), np.empty_like(self._cusum)
        for block, utc_offset_s in self._blocks:
            past = self._history.same_time_of_day(bin_index, block)
            alike = days_alike(local_day(bin_index, utc_offset_s))
            normal[block], spread[block] = scoring.baseline(past, alike)
        return normal, spread

    def _levels(self, bin_index: int) -> Floats:
        level = np.empty_like(self._cusum)
        count = rules.LEVEL_BINS - rules.LEVEL_BLIND_BINS
        for block, _ in self._blocks:
            day = self._residuals.last(bin_index, rules.LEVEL_BLIND_BINS + 1, count, block)
            level[block] = scoring.level(day)
        return level

    def _scores(
        self, bin_index: int, residuals: Floats, spread: Floats, rate_bps: NDArray[np.floating]
    ) -> Floats:
        own = residuals - regional.shared_part(residuals, self._groups)
        z = scoring.z_value(own, spread, rate_bps)
        z[self._learning_bins(bin_index) > 0] = np.nan
        self._z.put(bin_index, z)
        self._cusum, self._calm_bins = scoring.cusum(self._cusum, self._calm_bins, z)
        return scoring.score(self._z.last(bin_index, 0, rules.SCORE_BINS, slice(None)))

    def _regional_scores(self, bin_index: int, residuals: Floats) -> Floats:
        middle = regional.of_regencies(residuals, self._groups)
        spread = np.full_like(middle, rules.SMALLEST_SPREAD)
        z = scoring.z_value(middle, spread, np.full_like(middle, np.inf))
        self._regional_z.put(bin_index, z)
        return scoring.score(self._regional_z.last(bin_index, 0, rules.SCORE_BINS, slice(None)))

    def _learning_bins(self, bin_index: int) -> NDArray[np.int64]:
        known = bin_index - np.minimum(self._first_bin, bin_index)
        left: NDArray[np.int64] = np.maximum(rules.LEARNING_BINS - known, 0)
        return left


def _blocks(utc_offset_s: NDArray[np.int32]) -> Iterator[tuple[slice, int]]:
    """Yield runs of series with one local time, none longer than a block."""
    edges = np.flatnonzero(np.diff(utc_offset_s)) + 1
    bounds = [0, *edges.tolist(), len(utc_offset_s)]
    for start, end in itertools.pairwise(bounds):
        for at in range(start, end, _BLOCK):
            yield slice(at, min(at + _BLOCK, end)), int(utc_offset_s[start])
