"""The rows of some villages over some windows: everything from raw measurements, whole, each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.rollup_devices import device_cells
from pantau_collector.analysis.rollup_evidence import samples_of, village_minutes
from pantau_collector.analysis.rollup_villages import regency_row, village_rows
from pantau_collector.analysis_loop import sla_days, target_faults
from pantau_collector.analysis_loop.windows import MINUTE_NS, Span
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import ROLLED_UP, SERIES, STATES, rollup_name, statistic_name
from pantau_wire.vocabulary import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pantau_collector.analysis.rollup_tables import Grid, Measurements, Stays
    from pantau_collector.analysis.rollup_villages import Row
    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.analysis_loop.reading import Reader
    from pantau_collector.months.model import Maintenance
    from pantau_collector.storage.series import Window

_DEVICE_MINUTES = 6000  # read at once: at ten measurements a minute some 40 MB


@dataclass(slots=True)
class Computed:
    """Rows of devices and villages; `day_rows`: what months rest on.

    `ended_gaps` began before the grid; `last_heard_ns` may lie after it.
    """

    rows: list[SeriesRow] = field(default_factory=list)
    day_rows: list[SeriesRow] = field(default_factory=list)
    probed: target_faults.Probed = field(default_factory=dict)
    ended_gaps: dict[str, Span] = field(default_factory=dict)
    last_heard_ns: dict[str, int] = field(default_factory=dict)


def parts(villages: Sequence[str], places: Places, grid: Grid) -> Iterator[list[str]]:
    """Yield the villages in parts that can be worked on at once."""
    room = _DEVICE_MINUTES // (grid.minute_count + 6)
    part: list[str] = []
    devices = 0
    for village in villages:
        count = len(places.registry.ever_in(village))
        if part and devices + count > room:
            yield part
            part, devices = [], 0
        part.append(village)
        devices += count
    if part:
        yield part


def compute(
    reader: Reader,
    places: Places,
    villages: Sequence[str],
    grid: Grid,
    window: Window,
    *,
    announced: Sequence[Maintenance] = (),
    faults: Mapping[target_faults.Target, list[int]] | None = None,
) -> Computed:
    """Return the rows of some villages, and of the devices that stood there, for each window of a grid.

    `announced`: all maintenance that was, which days leave out of the account. `faults`: minutes in which
    targets were at fault, by which hours and days are judged.
    """
    devices, stays = places.standing(villages, grid)
    tables = reader.tables(devices, Span(grid.since_ns, grid.until_ns))
    faulty = None
    if window != "5m" and faults and len(tables["latency"]):
        faulty = target_faults.faulty(tables["latency"], faults)
    samples = samples_of(tables, stays, faulty)
    minutes = village_minutes(samples, stays, grid, len(villages))
    found = Computed()
    _hear(found, tables, devices, grid)
    if window == "5m" and len(tables["latency"]):
        found.probed = target_faults.probed(tables["latency"], stays, grid)
    for kind in ROLLED_UP:
        found.rows += _device_rows(
            kind, window, tables[kind], stays, grid, devices=devices, villages=villages
        )
    rows = village_rows(tables, minutes, stays, grid, terms=places.terms, state_names=STATES)
    found.rows += _village_rows(window, villages, rows, grid)
    if window == "1d":
        inputs = sla_days.Inputs(tables, samples, stays, grid, devices, villages)
        found.day_rows += sla_days.rows(inputs, places, announced)
    return found


def regency_rows(rows: Iterable[SeriesRow], window: Window) -> list[SeriesRow]:
    """Return the rows of all regencies whose villages' rows these are; the rows are whole regencies'."""
    by_place: dict[tuple[str, str, int], list[SeriesRow]] = {}
    for row in rows:
        if not row.values.get("device_count"):
            continue  # one that could not be erased
        by_place.setdefault((row.tags[2], row.tags[3], row.time_ns), []).append(row)
    return [
        SeriesRow(
            rollup_name("regency", window),
            (regency, province),
            time_ns,
            regency_row([row.values for row in sorted(some, key=lambda row: row.tags)]),
        )
        for (regency, province, time_ns), some in sorted(by_place.items())
    ]


def _hear(found: Computed, tables: Mapping[str, Measurements], devices: Sequence[str], grid: Grid) -> None:
    """Note when each device was last heard, and which gaps ended in the grid that began before it."""
    everything = [np.zeros((2, 0), dtype=np.int64)]
    everything += [np.stack([table.device, table.time_ns]) for table in tables.values()]
    device, time_ns = np.concatenate(everything, axis=1)
    count, since_ns = len(devices), grid.since_ns
    last, before, first = (np.full(count, -1), np.full(count, -1), np.full(count, INT64_MAX))
    np.maximum.at(last, device, time_ns)
    np.maximum.at(before, device[time_ns < since_ns], time_ns[time_ns < since_ns])
    inside = (time_ns >= since_ns) & (time_ns < grid.until_ns)
    np.minimum.at(first, device[inside], time_ns[inside])
    found.last_heard_ns = {
        devices[number]: int(last[number]) for number in np.flatnonzero(last >= 0).tolist()
    }
    gap_ns = before - before % MINUTE_NS + MINUTE_NS
    for number in np.flatnonzero((before >= 0) & (first < INT64_MAX) & (gap_ns < since_ns)).tolist():
        first_ns = int(first[number])
        found.ended_gaps[devices[number]] = Span(
            int(gap_ns[number]), first_ns - first_ns % MINUTE_NS + MINUTE_NS
        )


def _device_rows(
    kind: str,
    window: Window,
    table: Measurements,
    stays: Stays,
    grid: Grid,
    *,
    devices: Sequence[str],
    villages: Sequence[str],
) -> Iterator[SeriesRow]:
    name = rollup_name(kind, window)
    columns = {column.name: column.type for column in SERIES[name].columns}
    wanted = {
        column: [one for one in statistics if statistic_name(column, one) in columns]
        for column, statistics in ROLLED_UP[kind].items()
    }
    names: dict[tuple[str, str], str] = {
        (column, one): statistic_name(column, one) for column, some in wanted.items() for one in some
    }
    whole = {label for label, field_name in names.items() if columns[field_name] == "int"}
    for cell in device_cells(table, stays, grid, wanted):
        values: dict[str, float | int | bool | str] = {
            names[label]: _whole(value) if label in whole else value for label, value in cell.values.items()
        }
        values |= {"row_count": cell.row_count, "failure_count": cell.failure_count}
        tags = (devices[cell.device], *area_tags(villages[cell.village]), *cell.key)
        yield SeriesRow(name, tags, grid.since_ns + cell.window * grid.window_ns, values)


def _village_rows(
    window: Window, villages: Sequence[str], found: Sequence[Sequence[Row]], grid: Grid
) -> Iterator[SeriesRow]:
    """Yield the rows of windows in which a device was registered in the village."""
    name = rollup_name("village", window)
    whole = {column.name for column in SERIES[name].columns if column.type == "int"}
    flags = {column.name for column in SERIES[name].columns if column.type == "bool"}
    for village, rows in zip(villages, found, strict=True):
        for start_ns, row in zip(grid.starts_ns, rows, strict=True):
            if row["device_count"]:
                values = {key: _whole(value) if key in whole else value for key, value in row.items()}
                values |= {key: bool(values[key]) for key in flags & values.keys()}
                yield SeriesRow(name, area_tags(village), start_ns, values)


def _whole(value: float | str) -> int:
    """Return a sum, exact up to 2^53, cut off where the store's range ends (hostile counters)."""
    return max(-INT64_MAX, min(int(value), INT64_MAX))
