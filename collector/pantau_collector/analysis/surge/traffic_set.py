"""Traffic to judge detectors by: rates of many villages, and the surges that are known to be in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BIN_S
from pantau_collector.errors import TrafficSetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_EVENT_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Event:
    """A known surge: bins from first to last, both included, and how many times the usual rate."""

    village: int
    first_bin: int
    last_bin: int
    factor: float


@dataclass(frozen=True, slots=True)
class TrafficSet:
    """`rate_bps` has the shape (villages, bins of five minutes), NaN for a gap; the others (villages,)."""

    rate_bps: NDArray[np.float64]
    start_s: int
    utc_offset_s: NDArray[np.int32]
    regency: NDArray[np.int32]
    events: tuple[Event, ...]

    @property
    def first_bin_index(self) -> int:
        """The first bin, counted since 1970-01-01 UTC."""
        return self.start_s // BIN_S


def read(file: Path) -> TrafficSet:
    """Read an `.npz` file: `rate_bps`, `start`, `utc_offset_s`, `regency`, `events`.

    Raises `TrafficSetError` naming what is wrong with it.
    """
    try:
        with np.load(file, allow_pickle=False) as found:
            return _checked({name: found[name] for name in found.files})
    except (OSError, ValueError, EOFError) as error:
        raise TrafficSetError(f"{file} is no .npz file of plain arrays: {error}") from None


def _checked(arrays: dict[str, NDArray[np.generic]]) -> TrafficSet:
    missing = {"rate_bps", "start", "utc_offset_s", "regency", "events"} - set(arrays)
    if missing:
        raise TrafficSetError(f"the file lacks {', '.join(sorted(missing))}")
    rate_bps = _numbers(arrays, "rate_bps").astype(np.float64)
    if rate_bps.ndim != 2 or not rate_bps.size:  # noqa: PLR2004 - villages and bins
        raise TrafficSetError(f"rate_bps must have the shape (villages, bins), not {rate_bps.shape}")
    if np.any(rate_bps < 0) or np.any(np.isinf(rate_bps)):
        raise TrafficSetError("rate_bps must be bit/s, 0 or more, and NaN for gaps")
    start_s = int(_numbers(arrays, "start").reshape(-1)[0])
    if start_s % BIN_S:
        raise TrafficSetError(f"start must be a multiple of {BIN_S} s (UTC)")
    villages = len(rate_bps)
    return TrafficSet(
        rate_bps=rate_bps,
        start_s=start_s,
        utc_offset_s=_of_villages(arrays, "utc_offset_s", villages),
        regency=_of_villages(arrays, "regency", villages),
        events=_events(_numbers(arrays, "events"), rate_bps.shape),
    )


def _numbers(arrays: dict[str, NDArray[np.generic]], name: str) -> NDArray[np.generic]:
    if arrays[name].dtype.kind not in "iuf" or (not arrays[name].size and name != "events"):
        raise TrafficSetError(f"{name} must be numbers")
    return arrays[name]


def _of_villages(arrays: dict[str, NDArray[np.generic]], name: str, villages: int) -> NDArray[np.int32]:
    values = _numbers(arrays, name).astype(np.int64).reshape(-1)
    if len(values) not in (1, villages):
        raise TrafficSetError(f"{name} must be one number, or one a village ({villages})")
    least = -86_400 if name == "utc_offset_s" else 0
    if values.min() < least or values.max() >= 2**31:
        raise TrafficSetError(f"{name} is out of bounds")
    return np.broadcast_to(values, (villages,)).astype(np.int32)


def _events(rows: NDArray[np.generic], shape: tuple[int, ...]) -> tuple[Event, ...]:
    if rows.size % _EVENT_COLUMNS:
        raise TrafficSetError("events must have four columns: village, first bin, last bin, factor")
    table = rows.astype(np.float64).reshape(-1, _EVENT_COLUMNS)
    events = [Event(int(row[0]), int(row[1]), int(row[2]), float(row[3])) for row in table]
    for at, event in enumerate(events):
        in_time = 0 <= event.first_bin <= event.last_bin < shape[1]
        if not (0 <= event.village < shape[0] and in_time):
            raise TrafficSetError(f"event {at} lies outside the {shape[0]} villages and {shape[1]} bins")
    return tuple(events)
