"""Rollups of devices: each statistic of each column, for each device, village, key and window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pantau_collector.analysis.rollup import in_order, statistics_of
from pantau_collector.analysis.rollup_tables import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.rollup_tables import Grid, Measurements, Stays


class DeviceCell(NamedTuple):
    """One device in one village in one window; `values` holds (column, statistic): value."""

    device: int
    village: int
    key: tuple[str, ...]
    window: int
    row_count: int
    failure_count: int
    values: dict[tuple[str, str], float | str]


def device_cells(
    found: Measurements, stays: Stays, grid: Grid, wanted: Mapping[str, Sequence[str]]
) -> Iterator[DeviceCell]:
    """Yield a cell for each device, village, key and window that has a measurement, in that order."""
    village, window = stays.village(stays.of(found.device, found.time_ns)), grid.window_of(found.time_ns)
    sizes = (len(found.keys), grid.count)
    inside = (village != NOWHERE) & (window >= 0) & (window < grid.count)
    village_count = int(village.max(initial=0)) + 1
    whole = ((found.device * village_count + village) * sizes[0] + found.key) * sizes[1] + window
    rows = in_order(np.where(inside, whole, -1), found.time_ns)
    names, cell, row_count = np.unique(whole[rows], return_inverse=True, return_counts=True)
    if not len(names):
        return
    failures = np.bincount(cell, weights=found.failed[rows], minlength=len(names)).astype(int).tolist()
    columns = list(_columns(found, rows, cell, len(names), wanted))
    for at, (name, count) in enumerate(zip(names.tolist(), row_count.tolist(), strict=True)):
        rest, window_number = divmod(name, sizes[1])
        rest, key = divmod(rest, sizes[0])
        device, village_number = divmod(rest, village_count)
        values = {label: texts[at] for label, texts in columns if texts[at] == texts[at] and texts[at] != ""}
        yield DeviceCell(device, village_number, found.keys[key], window_number, count, failures[at], values)


def _columns(
    found: Measurements,
    rows: NDArray[np.intp],
    cell: NDArray[np.int64],
    cell_count: int,
    wanted: Mapping[str, Sequence[str]],
) -> Iterator[tuple[tuple[str, str], list[float] | list[str]]]:
    for column, statistics in wanted.items():
        results = statistics_of(cell, cell_count, found.numbers[column][rows], statistics)
        for statistic, values in results.items():
            yield (column, statistic), values if isinstance(values, list) else values.tolist()
