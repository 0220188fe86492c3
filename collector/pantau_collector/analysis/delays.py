"""Histograms of delays in whole milliseconds, so that another limit can be applied to days long gone.

A value counts in the bin of its next whole millisecond, so that "at most 100 ms" is exactly the bins up to
100. All above `MAX_MS` share one bin. Stored are pairs of bin and count, little-endian, two bytes each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_MS = 5000
_PAIRS = np.dtype([("bin_ms", "<u2"), ("count", "<u2")])


def histogram(values_ms: NDArray[np.float64]) -> bytes:
    """Return the histogram of at most 65,535 delays (none NaN)."""
    bins = np.minimum(np.ceil(values_ms), MAX_MS + 1).astype(np.uint16)
    found, counts = np.unique(bins, return_counts=True)
    pairs = np.empty(len(found), dtype=_PAIRS)
    pairs["bin_ms"], pairs["count"] = found, counts
    return pairs.tobytes()


def at_most(stored: bytes, limit_ms: int) -> int:
    """Return how many delays of a histogram were at most a limit (up to `MAX_MS`)."""
    pairs = np.frombuffer(stored, dtype=_PAIRS)
    return int(pairs["count"][pairs["bin_ms"] <= limit_ms].sum())
