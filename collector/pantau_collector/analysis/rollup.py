"""Statistics of measurements by cell: whoever's they are, in whatever window. Pure functions over arrays.

A cell is a number for one device (and the keys of its kind) in one window. Absent values are NaN. The result
depends on the measurements alone, never on the order in which they came: sums are added in order of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.rollup_histogram import histograms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Cells = NDArray[np.int64]

_QUANTILES = {"p50": 0.5, "p95": 0.95}


def in_order(cell: Cells, time_ns: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the rows by cell, then time; what lies outside of all cells (below 0) is left out."""
    order = np.lexsort((time_ns, cell))
    return order[np.searchsorted(cell[order], 0) :]


def statistics_of(
    cell: Cells, cell_count: int, values: Numbers, wanted: Sequence[str]
) -> dict[str, Numbers | list[str]]:
    """Return each wanted statistic, an entry a cell: NaN, or "" for a histogram, where there is no value.

    `cell` is ascending, from 0 to `cell_count` - 1, and the values of a cell stand in order of time.
    """
    there = ~np.isnan(values)
    cell, values = cell[there], values[there]
    count = np.bincount(cell, minlength=cell_count).astype(np.float64)
    empty = count == 0
    found: dict[str, Numbers | list[str]] = {}
    ranked = values[np.lexsort((values, cell))] if _QUANTILES.keys() & set(wanted) else values
    for statistic in wanted:
        if statistic == "count":
            found[statistic] = count
        elif statistic == "histogram":
            found[statistic] = histograms(cell, cell_count, values)
        else:
            found[statistic] = np.where(empty, np.nan, _number(statistic, cell, count, values, ranked))
    return found


def quantile(values: Numbers, share: float) -> float:
    """Return a quantile by linear interpolation between ranks (Hyndman and Fan's type 7); NaN of nothing."""
    there = np.sort(values[~np.isnan(values)])
    return float(_quantiles(np.zeros(1, dtype=np.int64), np.array([len(there)]), there, share)[0])


def _number(statistic: str, cell: Cells, count: Numbers, values: Numbers, ranked: Numbers) -> Numbers:
    if statistic == "sum":
        return np.bincount(cell, weights=values, minlength=len(count)).astype(np.float64)
    if statistic in _QUANTILES:
        starts = np.cumsum(count).astype(np.int64) - count.astype(np.int64)
        return _quantiles(starts, count, ranked, _QUANTILES[statistic])
    lowest = statistic == "min"
    found = np.full(len(count), np.inf if lowest else -np.inf)
    (np.minimum if lowest else np.maximum).at(found, cell, values)
    return found


def _quantiles(
    starts: NDArray[np.int64], count: NDArray[np.generic], ranked: Numbers, share: float
) -> Numbers:
    """Return a quantile of each cell, whose sorted values begin at `starts`."""
    if not len(ranked):
        return np.full(len(starts), np.nan)
    place = np.maximum(count.astype(np.float64) - 1, 0) * share
    below = np.floor(place)
    last = len(ranked) - 1
    low = ranked[np.minimum(starts + below.astype(np.int64), last)]
    high = ranked[np.minimum(starts + np.ceil(place).astype(np.int64), last)]
    found: Numbers = low + (high - low) * (place - below)
    return found
