"""The detector's memory: all its arrays, in main memory or mapped from one file.

In a file nothing needs to be written down when the process ends, and going back to any bin of the last week
is a matter of forgetting the bins after it. 46 kB a series: 37 MB for a regency of 400 villages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_collector.analysis.surge.history import LEAST_DAYS, RateHistory, Ring
from pantau_collector.analysis.surge.rules import BINS_PER_DAY, CUSUM_CALM_BINS, LEVEL_BINS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

REWIND_DAYS = 7
"""So far back bins can be taken again, from a file."""
FORMAT = 1
_RING_BINS = LEVEL_BINS + 1

_RINGS: tuple[tuple[str, type[np.generic], type[np.generic], float], ...] = (
    # name, type in a file, type in main memory, what stands for a gap
    ("residuals", np.float16, np.float32, np.nan),
    ("z", np.float32, np.float32, np.nan),
    ("cusum", np.float32, np.float32, 0.0),
    ("calm_bins", np.uint8, np.uint8, CUSUM_CALM_BINS),
    ("alarm", np.uint8, np.uint8, 0),
)
_REGIONAL_RINGS: tuple[tuple[str, type[np.generic], float], ...] = (
    ("regional_z", np.float32, np.nan),
    ("regional_alarm", np.uint8, 0),
)
_GAPS = {name: gap for name, _, _, gap in _RINGS} | {name: gap for name, _, gap in _REGIONAL_RINGS}


@dataclass(frozen=True, slots=True)
class Memory:
    """Rates of four weeks and more, and rings of what was made of the last bins."""

    rates: RateHistory
    residuals: Ring
    z: Ring
    cusum: Ring
    calm_bins: Ring
    """Since how many bins z was not above 0."""
    alarm: Ring
    regional_z: Ring
    regional_alarm: Ring

    def rewind(self, bin_index: int) -> None:
        """Have this bin be the next one; in a file at most seven days before the newest one."""
        for part in (
            self.rates,
            self.residuals,
            self.z,
            self.cusum,
            self.calm_bins,
            self.alarm,
            self.regional_z,
            self.regional_alarm,
        ):
            part.rewind(bin_index)


def in_main_memory(series_count: int, regency_count: int) -> Memory:
    """Return an empty memory that is forgotten with the process."""
    rates = np.full((BINS_PER_DAY, LEAST_DAYS, series_count), np.nan, dtype=np.float32)
    rings = {
        name: Ring(np.full((_RING_BINS, series_count), gap, dtype=kind), nothing=gap)
        for name, _, kind, gap in _RINGS
    }
    rings |= {
        name: Ring(np.full((_RING_BINS, regency_count), gap, dtype=kind), nothing=gap)
        for name, kind, gap in _REGIONAL_RINGS
    }
    return Memory(RateHistory(rates), **rings)


class MappedFile:
    """A memory in a file; close it to have its pages go."""

    def __init__(self, path: Path, series_count: int, regency_count: int, newest: int | None) -> None:
        """Map a file that `create` made with the same numbers; raises `OSError` and `ValueError`."""
        self._buffer = np.memmap(path, dtype=np.uint8, mode="r+", shape=_size(series_count, regency_count))
        arrays = _views(self._buffer, series_count, regency_count)
        rings = {name: Ring(arrays[name], newest, gap) for name, gap in _GAPS.items()}
        self.memory = Memory(RateHistory(arrays["rates"], newest), **rings)
        self.arrays = arrays

    def flush(self) -> None:
        """Have everything on the disk when this returns."""
        self._buffer.flush()


def create(path: Path, series_count: int, regency_count: int) -> None:
    """Make an empty file."""
    with path.open("wb") as file:
        file.truncate(_size(series_count, regency_count)[0])
    buffer = np.memmap(path, dtype=np.uint8, mode="r+")
    arrays = _views(buffer, series_count, regency_count)
    for name, array in arrays.items():
        array[:] = _GAPS.get(name, np.nan)
    buffer.flush()


def grow(old: MappedFile, new: MappedFile, places: NDArray[np.intp]) -> None:
    """Copy what is known of series: `places` says where each of the old ones stands among the new ones."""
    for name, array in old.arrays.items():
        if name.startswith("regional_"):
            new.arrays[name][:] = array
        else:
            new.arrays[name][..., places] = array


_Part = tuple[str, "np.dtype[np.generic]", tuple[int, ...]]


def _parts(series_count: int, regency_count: int) -> Iterator[_Part]:
    ring_bins = _RING_BINS + REWIND_DAYS * BINS_PER_DAY
    yield "rates", np.dtype(np.float16), (BINS_PER_DAY, LEAST_DAYS + REWIND_DAYS, series_count)
    for name, kind, _, _ in _RINGS:
        yield name, np.dtype(kind), (ring_bins, series_count)
    for name, kind, _ in _REGIONAL_RINGS:
        yield name, np.dtype(kind), (ring_bins, regency_count)


def _size(series_count: int, regency_count: int) -> tuple[int]:
    parts = _parts(series_count, regency_count)
    return (sum(_aligned(math.prod(shape) * kind.itemsize) for _, kind, shape in parts),)


def _views(buffer: NDArray[np.uint8], series_count: int, regency_count: int) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    start = 0
    for name, kind, shape in _parts(series_count, regency_count):
        length = math.prod(shape) * kind.itemsize
        found[name] = buffer[start : start + length].view(kind).reshape(shape)
        start += _aligned(length)
    return found


def _aligned(length: int) -> int:
    return -(-length // 64) * 64
