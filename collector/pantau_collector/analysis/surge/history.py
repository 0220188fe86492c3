"""What the detector remembers: weeks of logarithmic rates, and the last bins of what it made of them.

Both work on arrays that they are given, which may lie in a file; what one step reads of them lies together:
in the history because the time of day is its outermost axis, in a ring because bins follow each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BASELINE_REACH_BINS, BINS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_DAYS = BASELINE_DAYS + 2
"""28 days, today, and one that the reach across midnight needs."""
_MIDDLE = np.float32(np.log(1e6))
"""Stored rates are relative to 1 Mbit/s: half precision is finest around zero."""


class RateHistory:
    """Logarithmic rates, shape (time of day, day, series); gaps are NaN, days follow each other in a circle.

    Days beyond `LEAST_DAYS` are room to go back and take bins again.
    """

    def __init__(self, rates: NDArray[Any], newest: int | None = None) -> None:
        """Go on with an array whose newest bin is this one, or begin with an empty one."""
        self._rates = rates
        self._newest_day = None if newest is None else newest // BINS_PER_DAY

    def put(self, bin_index: int, log_rates: NDArray[np.float32]) -> None:
        """Keep the newest bin; bins that were left out stay gaps."""
        self._begin_day(bin_index // BINS_PER_DAY)
        self._rates[bin_index % BINS_PER_DAY, self._place(bin_index)] = log_rates - _MIDDLE

    def put_day(self, day: int, log_rates: NDArray[np.float32]) -> None:
        """Keep the first bins of a day, counted since 1970 in UTC: shape (bins, series)."""
        self._begin_day(day)
        self._rates[: len(log_rates), day % self._rates.shape[1]] = log_rates - _MIDDLE

    def amend(self, bin_index: int, series: int, log_rate: float) -> None:
        """Replace one value of the past, where it is still kept."""
        if self._newest_day is not None and bin_index // BINS_PER_DAY > self._newest_day - LEAST_DAYS:
            self._rates[bin_index % BINS_PER_DAY, self._place(bin_index), series] = log_rate - _MIDDLE

    def rewind(self, bin_index: int) -> None:
        """Have this bin be the next one."""
        if self._newest_day is not None:
            self._newest_day = min(self._newest_day, (bin_index - 1) // BINS_PER_DAY)

    def bins(self, first: int, count: int) -> NDArray[np.float32]:
        """Return bins that follow each other, shape (bins, series)."""
        bins = np.arange(first, first + count)
        found = self._rates[bins % BINS_PER_DAY, bins // BINS_PER_DAY % self._rates.shape[1]]
        return np.asarray(found, dtype=np.float32) + _MIDDLE

    def same_time_of_day(self, bin_index: int, series: slice) -> NDArray[np.float32]:
        """Return the 28 days before around a bin's time of day, shape (series, day, bin), yesterday first."""
        bins = bins_of_the_time(bin_index)
        found = self._rates[bins % BINS_PER_DAY, bins // BINS_PER_DAY % self._rates.shape[1], series]
        return np.ascontiguousarray(np.moveaxis(found, -1, 0), dtype=np.float32) + _MIDDLE

    def _place(self, bin_index: int) -> int:
        return bin_index // BINS_PER_DAY % len(self._rates[0])

    def _begin_day(self, day: int) -> None:
        days = self._rates.shape[1]
        newest = day - days if self._newest_day is None else self._newest_day
        for begun in range(max(newest + 1, day - days + 1), day + 1):
            self._rates[:, begun % days] = np.nan
        self._newest_day = max(newest, day)


def bins_of_the_time(bin_index: int) -> NDArray[np.int64]:
    """Return the bins of the 28 days before around a bin's time of day, shape (day, bin), yesterday first."""
    reach = np.arange(-BASELINE_REACH_BINS, BASELINE_REACH_BINS + 1)
    back = np.arange(1, BASELINE_DAYS + 1) * BINS_PER_DAY
    bins: NDArray[np.int64] = bin_index - back[:, None] + reach
    return bins


class Ring:
    """The last bins of each series, shape (bins, series). `nothing` stands for a gap."""

    def __init__(self, values: NDArray[Any], newest: int | None = None, nothing: float = np.nan) -> None:
        """Go on with an array whose newest bin is this one, or begin with an empty one."""
        self._values = values
        self._newest = newest
        self._nothing = nothing

    def put(self, bin_index: int, values: NDArray[Any]) -> None:
        """Keep the newest bin; bins that were left out become gaps."""
        length = len(self._values)
        since = bin_index - length if self._newest is None else self._newest
        for missed in range(max(since + 1, bin_index - length + 1), bin_index):
            self._values[missed % length] = self._nothing
        self._values[bin_index % length] = values
        self._newest = bin_index

    def rewind(self, bin_index: int) -> None:
        """Have this bin be the next one."""
        if self._newest is not None:
            self._newest = min(self._newest, bin_index - 1)

    def newest(self) -> NDArray[Any]:
        """Return the newest bin, shape (series,)."""
        if self._newest is None:
            return np.full_like(self._values[0], self._nothing)
        return np.array(self._values[self._newest % len(self._values)])

    def last(self, bin_index: int, newest: int, count: int, series: slice) -> NDArray[Any]:
        """Return `count` bins, the newest of them `newest` bins before `bin_index`: shape (series, bins)."""
        length = len(self._values)
        bins = np.arange(bin_index - newest - count + 1, bin_index - newest + 1)
        found = self._values[bins % length, series]
        if self._newest is None:
            found[:] = self._nothing
        else:
            found[(bins > self._newest) | (bins <= self._newest - length)] = self._nothing
        return np.ascontiguousarray(found.T)
