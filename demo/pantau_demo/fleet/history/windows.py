"""Windows over minutes, and the statistics of what lies in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Kind = TypeVar("Kind", bound=np.generic)
_DAY = 1440
LENGTHS = {"5m": 5, "1h": 60, "1d": _DAY}


@dataclass(frozen=True, slots=True)
class Windows:
    """Whole windows of `length` minutes, from `first_minute` on, which is `offset` minutes into the block."""

    name: str
    first_minute: int
    length: int
    count: int
    offset: int

    @property
    def starts(self) -> range:
        """The first minute of each window."""
        return range(self.first_minute, self.first_minute + self.count * self.length, self.length)

    def cut(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """Return (devices, minutes) as (windows, values): those of all devices together, in order of time."""
        end = self.offset + self.count * self.length
        parts = values[:, self.offset : end].reshape(len(values), self.count, self.length)
        return parts.transpose(1, 2, 0).reshape(self.count, -1)

    def of(self, at: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the window of each place in the block's minutes; below 0 or beyond the last outside."""
        return (at - self.offset) // self.length


def windows(
    name: str, block_minute: int, from_minute: int, until_minute: int, utc_offset_minutes: int = 0
) -> Windows:
    """Return the whole windows within a span; days are local ones. `block_minute` is the block's first."""
    length = LENGTHS[name]
    shift = utc_offset_minutes if name == "1d" else 0
    first = -(-(max(from_minute, block_minute) + shift) // length) * length - shift
    count = max(0, (until_minute - first) // length)
    return Windows(name, first, length, count, first - block_minute)


def total(values: Numbers) -> Numbers:
    """Return the sum of each row's values, NaN where there is none."""
    found: Numbers = np.nansum(values, axis=1)
    found[np.isnan(values).all(axis=1)] = np.nan
    return found


def highest(values: Numbers) -> Numbers:
    """Return the largest of each row's values, NaN where there is none."""
    found: Numbers = np.fmax.reduce(values, axis=1)
    return found


def mean(values: Numbers) -> Numbers:
    """Return the mean of each row's values, NaN where there is none."""
    count = np.count_nonzero(~np.isnan(values), axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def quantile(values: Numbers, share: float) -> Numbers:
    """Return a quantile of each row, linear between ranks, of what is not NaN; NaN where there is nothing."""
    ranked = np.sort(values, axis=1)  # NaN last
    count = np.count_nonzero(~np.isnan(values), axis=1)
    place = np.maximum(count - 1, 0) * share
    low, high = np.floor(place).astype(np.intp), np.ceil(place).astype(np.intp)
    row = np.arange(len(values))
    below = ranked[row, low]
    found: Numbers = below + (ranked[row, high] - below) * (place - low)
    return found
