"""What the detector remembers: four weeks of logarithmic rates, and a day of residuals.

A national history is 2.9 GB even at half precision, so it can lie in a file that is mapped; what one step
reads of it lies together, because the time of day is the outermost axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BASELINE_REACH_BINS, BINS_PER_DAY

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_DAYS_KEPT = BASELINE_DAYS + 2  # 28 days, today, and one that the reach across midnight needs
_MIDDLE = np.float32(np.log(1e6))
"""Stored rates are relative to 1 Mbit/s: half precision is finest around zero."""


class RateHistory:
    """Logarithmic rates of the last 28 days, shape (time of day, day, series); gaps are NaN."""

    def __init__(self, series_count: int, file: Path | None = None) -> None:
        """Begin empty: in memory, or at half precision in a file that is made anew."""
        shape = (BINS_PER_DAY, _DAYS_KEPT, series_count)
        if file is None:
            self._rates: NDArray[np.floating] = np.empty(shape, dtype=np.float32)
        else:
            self._rates = np.memmap(file, dtype=np.float16, mode="w+", shape=shape)
        self._rates[:] = np.nan
        self._newest: int | None = None

    def put(self, bin_index: int, log_rates: NDArray[np.float32]) -> None:
        """Keep the newest bin; bins that were left out stay gaps."""
        day = bin_index // BINS_PER_DAY
        first = day - _DAYS_KEPT if self._newest is None else self._newest
        for begun in range(max(first + 1, day - _DAYS_KEPT + 1), day + 1):
            self._rates[:, begun % _DAYS_KEPT] = np.nan
        self._newest = day
        self._rates[bin_index % BINS_PER_DAY, day % _DAYS_KEPT] = log_rates - _MIDDLE

    def same_time_of_day(self, bin_index: int, series: slice) -> NDArray[np.float32]:
        """Return the 28 days before around a bin's time of day, shape (series, day, bin), yesterday first."""
        reach = np.arange(-BASELINE_REACH_BINS, BASELINE_REACH_BINS + 1)
        back = np.arange(1, BASELINE_DAYS + 1) * BINS_PER_DAY
        bins = bin_index - back[:, None] + reach
        found = self._rates[bins % BINS_PER_DAY, bins // BINS_PER_DAY % _DAYS_KEPT, series]
        return np.ascontiguousarray(np.moveaxis(found, -1, 0), dtype=np.float32) + _MIDDLE


class Ring:
    """The last so many bins of each series, shape (bins, series); gaps are NaN."""

    def __init__(self, bin_count: int, series_count: int) -> None:
        self._values = np.full((bin_count, series_count), np.nan, dtype=np.float32)
        self._newest: int | None = None

    def put(self, bin_index: int, values: NDArray[np.float32]) -> None:
        """Keep the newest bin; bins that were left out become gaps."""
        length = len(self._values)
        since = bin_index - length if self._newest is None else self._newest
        for missed in range(max(since + 1, bin_index - length + 1), bin_index):
            self._values[missed % length] = np.nan
        self._values[bin_index % length] = values
        self._newest = bin_index

    def last(self, bin_index: int, newest: int, count: int, series: slice) -> NDArray[np.float32]:
        """Return `count` bins, the newest of them `newest` bins before `bin_index`: shape (series, bins)."""
        length = len(self._values)
        bins = np.arange(bin_index - newest - count + 1, bin_index - newest + 1)
        found = self._values[bins % length, series]
        if self._newest is not None:
            found[(bins > self._newest) | (bins <= self._newest - length)] = np.nan
        return np.ascontiguousarray(found.T)
