"""Histograms that can be merged, with logarithmic buckets: a percentile from them is within 1% of the value.

Bucket i holds the values in (G^(i-1), G^i] with G = 1.01/0.99; its estimate 2 G^i / (G + 1) differs from
any of them by at most 1% (Masson, Rim, Lee: DDSketch, VLDB 2019). What is below `SMALLEST` counts as 0.
Kept as text: `BUCKET:COUNT` in ascending order with blanks between, `z` for zero.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

ERROR_RATIO = 0.01
SMALLEST = 1e-6
_GROWTH = (1 + ERROR_RATIO) / (1 - ERROR_RATIO)
_LOG_GROWTH = math.log(_GROWTH)
_ZERO = -(2**31)


def histograms(cell: NDArray[np.int64], cell_count: int, values: NDArray[np.float64]) -> list[str]:
    """Return the histogram of each cell's values (none NaN, none negative); "" for a cell without any."""
    with np.errstate(divide="ignore"):
        bucket = np.ceil(np.log(values) / _LOG_GROWTH)
    bucket = np.where(values < SMALLEST, _ZERO, bucket).astype(np.int64)
    pairs, counts = np.unique(np.stack([cell, bucket]), axis=1, return_counts=True)
    parts: list[list[str]] = [[] for _ in range(cell_count)]
    for where, number, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        parts[where].append(f"{'z' if number == _ZERO else number}:{count}")
    return [" ".join(part) for part in parts]


def merged(texts: Iterable[str]) -> str:
    """Return the histogram of all values that several histograms hold."""
    total: Counter[int] = Counter()
    for text in texts:
        total.update(dict(_read(text)))
    return " ".join(f"{'z' if number == _ZERO else number}:{total[number]}" for number in sorted(total))


def percentile(text: str, share: float) -> float:
    """Return the value that a share (0 to 1) of the values does not exceed, within 1%; NaN of nothing.

    The rank is the nearest one: ceil(share * count).
    """
    pairs = _read(text)
    rank = max(1, math.ceil(share * sum(count for _, count in pairs) - 1e-9))
    for number, count in pairs:
        rank -= count
        if rank <= 0:
            return 0.0 if number == _ZERO else float(2 * _GROWTH**number / (_GROWTH + 1))
    return math.nan


def _read(text: str) -> list[tuple[int, int]]:
    pairs = (part.split(":") for part in text.split())
    return [(_ZERO if number == "z" else int(number), int(count)) for number, count in pairs]
