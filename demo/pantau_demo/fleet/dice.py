"""Chance as a function: the same seed, stream and keys give the same numbers, in any order and any process.

The hash is SplitMix64's finaliser (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)
over one key after the other.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Whole = NDArray[np.int64]
    Numbers = NDArray[np.float64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_CHUNK = np.uint64(0xFFFF)


class Dice:
    """Random numbers of one seed. Keys are whole numbers or arrays of them, and are broadcast."""

    def __init__(self, seed: int) -> None:
        """Take any whole number."""
        self.seed = seed

    def bits(self, stream: str, *keys: ArrayLike) -> NDArray[np.uint64]:
        """Return 64 random bits for each combination of keys."""
        state = _mixed(
            np.array([self.seed & (2**64 - 1)], dtype=np.uint64) ^ np.uint64(zlib.crc32(stream.encode()))
        )
        for key in keys:
            state = _mixed(state ^ ((np.atleast_1d(key).astype(np.uint64) + np.uint64(1)) * _STEP))
        return state

    def uniform(self, stream: str, *keys: ArrayLike) -> Numbers:
        """Return numbers from 0 to below 1."""
        return (self.bits(stream, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, stream: str, *keys: ArrayLike) -> Numbers:
        """Return about normal numbers, never beyond 3.5: the sum of four uniform ones (Irwin and Hall)."""
        bits = self.bits(stream, *keys)
        total = (bits & _CHUNK).astype(np.float64)
        for shift in (16, 32, 48):
            total += (bits >> np.uint64(shift)) & _CHUNK
        found: Numbers = (total / 65_536 - 2.0) * 3.0**0.5
        return found

    def smooth(self, stream: str, key: Whole, minute: Whole, period_minutes: int) -> Numbers:
        """Return noise that changes within about a period: (keys, minutes), about normal.

        Random values stand on a lattice and are joined by a smooth curve, so that any minute can be asked
        alone (value noise: Perlin, 1985). `key` is a column, `minute` a row of consecutive minutes.
        """
        first, last = int(minute[0]) // period_minutes, int(minute[-1]) // period_minutes + 1
        lattice = self.normal(stream, key, np.arange(first, last + 1))
        place = minute // period_minutes - first
        share = (minute % period_minutes) / period_minutes
        share = share * share * (3 - 2 * share)
        left = lattice[:, place]
        return left + (lattice[:, place + 1] - left) * share


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state ^ (state >> np.uint64(30))
    state *= _FIRST
    state ^= state >> np.uint64(27)
    state *= _SECOND
    state ^= state >> np.uint64(31)
    return state
