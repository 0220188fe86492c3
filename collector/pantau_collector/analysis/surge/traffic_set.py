"""Traffic to judge detectors by: rates of many villages, and the surges that are known to be in it."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BIN_S
from pantau_collector.errors import TrafficSetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_NAMES = ("rate_bps", "start", "utc_offset_s", "regency", "events")
_EVENT_COLUMNS = 4
_LATEST_S = 2**33


@dataclass(frozen=True, slots=True)
class Event:
    """A known surge: bins from first to last, both included, and how many times the usual rate."""

    village: int
    first_bin: int
    last_bin: int
    factor: float


@dataclass(frozen=True, slots=True)
class TrafficSet:
    """`rate_bps` has the shape (villages, bins of five minutes), NaN for a gap; the others (villages,).

    Regencies are numbered from 0 without a hole.
    """

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
        with file.open("rb") as opened:
            found = np.load(opened, allow_pickle=False)
            if isinstance(found, np.ndarray):
                raise TrafficSetError(f"{file} holds one array: an .npz with {', '.join(_NAMES)} is wanted")
            arrays = {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrafficSetError(f"{file} is no .npz file of plain arrays: {error}") from None
    return _checked(arrays)


def _checked(arrays: dict[str, NDArray[np.generic]]) -> TrafficSet:
    if missing := sorted(set(_NAMES) - set(arrays)):
        raise TrafficSetError(f"the file lacks {', '.join(missing)}")
    rate_bps = _numbers(arrays, "rate_bps").astype(np.float64)
    if rate_bps.ndim != 2 or not rate_bps.size:  # noqa: PLR2004 - villages and bins
        raise TrafficSetError(f"rate_bps must have the shape (villages, bins), not {rate_bps.shape}")
    if np.any(rate_bps < 0) or np.any(np.isinf(rate_bps)):
        raise TrafficSetError("rate_bps must be bit/s, 0 or more, and NaN for gaps")
    villages = len(rate_bps)
    return TrafficSet(
        rate_bps=rate_bps,
        start_s=_start(_numbers(arrays, "start")),
        utc_offset_s=_of_villages(arrays, "utc_offset_s", villages),
        regency=np.unique(_of_villages(arrays, "regency", villages), return_inverse=True)[1].astype(np.int32),
        events=_events(_numbers(arrays, "events"), rate_bps.shape),
    )


def _numbers(arrays: dict[str, NDArray[np.generic]], name: str) -> NDArray[np.generic]:
    if arrays[name].dtype.kind not in "iuf" or (not arrays[name].size and name != "events"):
        raise TrafficSetError(f"{name} must be numbers")
    return arrays[name]


def _of_villages(arrays: dict[str, NDArray[np.generic]], name: str, villages: int) -> NDArray[np.int32]:
    values = _numbers(arrays, name).astype(np.float64).reshape(-1)
    if len(values) not in (1, villages):
        raise TrafficSetError(f"{name} must be one number, or one a village ({villages})")
    least, most = (-86_400, 86_400) if name == "utc_offset_s" else (0, 2**31 - 1)
    if not np.all((values >= least) & (values <= most)):
        raise TrafficSetError(f"{name} is out of bounds: {least} to {most}")
    return np.broadcast_to(values.astype(np.int32), (villages,)).copy()


def _start(values: NDArray[np.generic]) -> int:
    """Return the first bin's start; within a bin it is taken for the bin's."""
    start_s = float(values.astype(np.float64).reshape(-1)[0])
    if values.size != 1 or not 0 <= start_s < _LATEST_S:
        raise TrafficSetError("start must be one number: seconds since 1970 (UTC)")
    return int(start_s) // BIN_S * BIN_S


def _events(rows: NDArray[np.generic], shape: tuple[int, ...]) -> tuple[Event, ...]:
    if rows.size % _EVENT_COLUMNS:
        raise TrafficSetError("events must have four columns: village, first bin, last bin, factor")
    table = rows.astype(np.float64).reshape(-1, _EVENT_COLUMNS)
    if not np.all(np.isfinite(table)):
        raise TrafficSetError("events must be finite numbers: village, first bin, last bin, factor")
    events = [Event(int(row[0]), int(row[1]), int(row[2]), float(row[3])) for row in table]
    for at, event in enumerate(events):
        in_time = 0 <= event.first_bin <= event.last_bin < shape[1]
        if not (0 <= event.village < shape[0] and in_time):
            raise TrafficSetError(f"event {at} lies outside the {shape[0]} villages and {shape[1]} bins")
    return tuple(events)
