"""Rollups of villages over their devices, and of regencies over their villages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.rollup import in_order, quantile, statistics_of
from pantau_collector.analysis.rollup_tables import NOWHERE
from pantau_collector.analysis.speed_tests import why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.rollup_tables import Grid, Measurements, Stays

    Numbers = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]

Row = dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an SLA profile says. Rates are None where nobody knows the contract."""

    speed_engine: str = "http"
    contracted_download_bps: float | None = None
    contracted_upload_bps: float | None = None


def village_rows(
    tables: Mapping[str, Measurements],
    minutes: NDArray[np.uint8],
    stays: Stays,
    grid: Grid,
    *,
    terms: Mapping[str, Terms],
    state_names: Sequence[str],
) -> list[list[Row]]:
    """Return the row of each village and window, also where nothing was measured; `minutes` are states.

    `terms` are by the stays' profiles.
    """
    cells = _Cells(stays, len(minutes), grid)
    found, profiles = _devices(tables, cells)
    if "traffic" in tables:
        found |= _traffic(tables["traffic"], cells)
    if "latency" in tables:
        found |= _latency(tables["latency"], cells)
    if "speed" in tables:
        found |= _speed(tables["speed"], tables.get("link"), cells, terms)
    counts = _state_counts(minutes, grid, len(state_names))
    rows = [
        _present(found, at)
        | _contract(terms.get(profiles.get(at, ""), Terms()))
        | _state(counts[at], state_names)
        for at in range(cells.count)
    ]
    return [rows[number * grid.count : (number + 1) * grid.count] for number in range(len(minutes))]


def regency_row(villages: Sequence[Mapping[str, float | int | str]]) -> Row:
    """Return a regency's row from the rows that its villages have in the same window."""
    reporting = [row for row in villages if row.get("reporting_device_count")]
    row: Row = {
        "village_count": len(villages),
        "reporting_village_count": len(reporting),
        "silent_village_count": len(villages) - len(reporting),
        "up_village_count": sum(row.get("state") == "up" for row in villages),
        "link_down_village_count": sum(row.get("state") == "link_down" for row in villages),
        "speed_test_count": int(sum(_all(villages, "speed_test_count"))),
    }
    sent_count = sum(_all(villages, "sent_count"))
    if sent_count:
        row["rt_loss_ratio"] = float(_loss(sent_count, sum(_all(villages, "received_count"))))
    for name, function in _OF_VILLAGES.items():
        values = _all(villages, name)
        if values:
            row[name] = function(values)
    return row


class _Cells:
    """Numbers the windows of villages: village * windows + window."""

    def __init__(self, stays: Stays, village_count: int, grid: Grid) -> None:
        self.stays, self.grid = stays, grid
        self.count = village_count * grid.count

    def of(self, found: Measurements) -> Whole:
        """Return the cell of each measurement, -1 for none."""
        village = self.stays.village(self.stays.of(found.device, found.time_ns))
        window = self.grid.window_of(found.time_ns)
        inside = (village != NOWHERE) & (window >= 0) & (window < self.grid.count)
        return np.where(inside, village * self.grid.count + window, -1)

    def from_source(self, found: Measurements) -> Flags:
        """Return which measurements are of their village's declared traffic source."""
        return self.stays.is_source(self.stays.of(found.device, found.time_ns))


def _devices(tables: Mapping[str, Measurements], cells: _Cells) -> tuple[dict[str, Numbers], dict[int, str]]:
    """Return how many devices stood and reported in each cell, and the profile of its first one."""
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    pairs += [np.stack([cells.of(table), table.device]) for table in tables.values()]
    reported = np.unique(np.concatenate(pairs, axis=1), axis=1)[0]
    starts = np.array(cells.grid.starts_ns)
    stood = set[tuple[int, int]]()
    profiles: dict[int, str] = {}
    for stay in cells.stays.all:
        inside = (starts < stay.until_ns) & (starts + cells.grid.window_ns > stay.since_ns)
        for number in np.flatnonzero(inside).tolist():
            cell = stay.village * cells.grid.count + number
            stood.add((cell, stay.device))
            profiles.setdefault(cell, stay.profile)
    standing = np.array([cell for cell, _ in stood], dtype=np.int64)
    counts = {
        "device_count": np.bincount(standing, minlength=cells.count).astype(float),
        "reporting_device_count": np.bincount(reported[reported >= 0], minlength=cells.count).astype(float),
    }
    return counts, profiles


def _traffic(found: Measurements, cells: _Cells) -> dict[str, Numbers]:
    """Of the declared source; the router's counters where it has them, all its interfaces together."""
    cell = np.where(cells.from_source(found), cells.of(found), -1)
    router = found.key_is(0, "router")
    has_router = np.zeros(cells.count + 1, dtype=bool)
    has_router[cell[router]] = True
    cell = np.where(router | ~has_router[cell], cell, -1)
    rows = in_order(cell, found.time_ns)
    cell, key = cell[rows], found.key[rows]
    counted = np.isin(np.arange(cells.count), cell)
    result: dict[str, Numbers] = {"router_traffic": np.where(counted, has_router[:-1], np.nan)}
    for name in ("rx_rate_bps", "tx_rate_bps"):
        result[name] = _sum_of_means(cell, key, found.numbers[name][rows], cells.count)
    for name, statistic in (
        ("rx_peak_bps", "max"),
        ("tx_peak_bps", "max"),
        ("rx_bytes", "sum"),
        ("tx_bytes", "sum"),
    ):
        result[name] = _one(cell, cells.count, found.numbers[name][rows], statistic)
    return result


def _sum_of_means(cell: Whole, key: Whole, values: Numbers, cell_count: int) -> Numbers:
    """Return, for each cell, the sum of its interfaces' mean rates."""
    width = int(key.max(initial=0)) + 1
    names, part = np.unique(cell * width + key, return_inverse=True)
    order = np.argsort(part, kind="stable")
    found = statistics_of(part[order], len(names), values[order], ("sum", "count"))
    with np.errstate(invalid="ignore"):
        means = np.asarray(found["sum"]) / np.asarray(found["count"])
    return _one(names // width, cell_count, means, "sum")


def _latency(found: Measurements, cells: _Cells) -> dict[str, Numbers]:
    cell = np.where(found.key_is(0, "testpoint"), cells.of(found), -1)
    rows = in_order(cell, found.time_ns)
    cell = cell[rows]
    result = {
        name: _one(cell, cells.count, found.numbers[column][rows], statistic)
        for name, column, statistic in (
            ("sent_count", "sent_count", "sum"),
            ("received_count", "received_count", "sum"),
            ("rtd_p50_ms", "rtd_p50_ms", "p50"),
            ("rtd_p95_ms", "rtd_p95_ms", "p95"),
            ("rtd_pdv_p95_ms", "rtd_pdv_p95_ms", "p95"),
        )
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = _loss(result["sent_count"], np.nan_to_num(result["received_count"]))
    result["rt_loss_ratio"] = np.where(result["sent_count"] > 0, lost, np.nan)
    return result


def _loss(sent: Numbers | float, received: Numbers | float) -> Numbers:
    return np.asarray(np.maximum(np.asarray(sent) - received, 0.0) / sent)


def _speed(
    found: Measurements,
    link: Measurements | None,
    cells: _Cells,
    terms: Mapping[str, Terms],
) -> dict[str, Numbers]:
    cell = cells.of(found)
    rows = in_order(cell, found.time_ns)
    engines = {profile: one.speed_engine for profile, one in terms.items()}
    counted = ((cell >= 0) & (why_not(found, link, cells.stays, engines) == ""))[rows]
    cell = cell[rows]
    down, up = (found.numbers[f"loaded_rtd_{way}_p50_ms"][rows] for way in ("down", "up"))
    result = {
        "idle_rtd_p50_ms": _one(cell, cells.count, found.numbers["idle_rtd_p50_ms"][rows], "p50"),
        "loaded_rtd_p50_ms": _one(cell, cells.count, np.fmax(down, up), "p50"),
        "speed_test_count": np.bincount(cell, minlength=cells.count).astype(float),
        "counted_test_count": np.bincount(cell[counted], minlength=cells.count).astype(float),
    }
    for name in ("download_goodput_bps", "upload_goodput_bps"):
        result[name] = _one(cell[counted], cells.count, found.numbers[name][rows][counted], "p50")
    return result


def _one(cell: Whole, cell_count: int, values: Numbers, statistic: str) -> Numbers:
    return np.asarray(statistics_of(cell, cell_count, values, (statistic,))[statistic])


def _present(found: Mapping[str, Numbers], at: int) -> Row:
    values = ((name, float(numbers[at])) for name, numbers in found.items())
    return {name: value for name, value in values if value == value}  # noqa: PLR0124 - NaN is absent


def _contract(terms: Terms) -> Row:
    known = {
        "contracted_download_bps": terms.contracted_download_bps,
        "contracted_upload_bps": terms.contracted_upload_bps,
    }
    return {name: value for name, value in known.items() if value is not None}


def _state_counts(minutes: NDArray[np.uint8], grid: Grid, state_count: int) -> list[list[int]]:
    """Return how many minutes of each window of each village were in each state."""
    by_window = minutes.reshape(minutes.shape[0] * grid.count, -1)
    counts = [np.count_nonzero(by_window == state, axis=1) for state in range(state_count)]
    return np.stack(counts, axis=1).tolist() if len(by_window) else []


def _state(counts: Sequence[int], names: Sequence[str]) -> Row:
    """Return the state of a window: the one of most of its minutes, of two equal ones the worse."""
    most = max(range(len(counts)), key=lambda state: (counts[state], state))
    row: Row = {"state": names[most], "state_index": most}
    return row | {f"{name}_minute_count": count for name, count in zip(names, counts, strict=True)}


def _all(rows: Iterable[Mapping[str, float | int | str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows if name in row]


def _median(values: Sequence[float]) -> float:
    return quantile(np.array(values), 0.5)


_OF_VILLAGES: dict[str, Callable[[list[float]], float]] = {
    "rx_rate_bps": sum,
    "tx_rate_bps": sum,
    "rtd_p50_ms": _median,
    "download_goodput_bps": _median,
    "upload_goodput_bps": _median,
}
"""How a regency's figure comes from its villages'; their order is that of their codes."""
