"""A local day of some villages as the rows of `sla_day`, and all its speed tests as those of `sla_test`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.calendar import DAY_MINUTES, Month
from pantau_collector.analysis.days import NO_STATES
from pantau_collector.analysis.sla.village import Device, Stretch, Tests, rows_of
from pantau_collector.analysis.speed_tests import why_not
from pantau_collector.months import dayrows, maintenance
from pantau_collector.months.instants import MINUTE_NS, local_day
from pantau_collector.months.villages import profiles_of
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import zone_of
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.profiles import Profiles
    from pantau_collector.analysis.rollup_tables import Grid, Measurements, Stays
    from pantau_collector.analysis.states import Samples
    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.months.model import Maintenance

SERIES = (dayrows.SERIES, "sla_test")
_WAYS = ("download_goodput_bps", "upload_goodput_bps")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What some villages' day is computed from; numbers of devices and villages are places in sequences."""

    tables: Mapping[str, Measurements]
    samples: Mapping[int, Samples]
    stays: Stays
    grid: Grid
    devices: Sequence[str]
    villages: Sequence[str]


def rows(inputs: Inputs, places: Places, announced: Sequence[Maintenance]) -> Iterator[SeriesRow]:
    """Yield the rows of villages in which a device was registered on the day; the grid is that one day."""
    tests = _tests(inputs, places)
    spans: dict[int, dict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for stay in inputs.stays.all:
        spans[stay.village][stay.device].append((stay.since_ns / 1e9, stay.until_ns / 1e9))
    for number, by_device in sorted(spans.items()):
        village = inputs.villages[number]
        profiles = profiles_of(places.registry, places.book, village)
        off = _maintenance(announced, village, inputs.grid, profiles)
        devices = [
            Device(inputs.samples[device], placed)
            for device, placed in by_device.items()
            if device in inputs.samples
        ]
        mine = tests.get(number, [])
        day = local_day(inputs.grid.since_ns, zone_of(village))
        stretch = Stretch(zone_of(village), [day], profiles, devices, _as_arrays(mine), off)
        yield dayrows.to_series(village, rows_of(stretch)[0])
        yield from (_row(village, test, inputs.grid, off) for test in mine)


def says_something(row: SeriesRow) -> bool:
    """Return whether a row of `sla_day` knows of any minute or test."""
    found = dayrows.from_series(row)
    return found.states != NO_STATES or bool(found.tests) or bool(found.uncounted_tests)


@dataclass(frozen=True, slots=True)
class _Test:
    device: str
    engine: str
    time_ns: int
    rates_bps: Mapping[str, float]
    why_not: str


def _tests(inputs: Inputs, places: Places) -> dict[int, list[_Test]]:
    """Return the tests of each village."""
    found: dict[int, list[_Test]] = defaultdict(list)
    table = inputs.tables.get("speed")
    if table is None or not len(table):
        return found
    engines = {key: terms.speed_engine for key, terms in places.terms.items()}
    reasons = why_not(table, inputs.tables.get("link"), inputs.stays, engines)
    village = inputs.stays.village(inputs.stays.of(table.device, table.time_ns))
    inside = (table.time_ns >= inputs.grid.since_ns) & (table.time_ns < inputs.grid.until_ns) & (village >= 0)
    for at in np.flatnonzero(inside).tolist():
        rates = {name: float(table.numbers[name][at]) for name in _WAYS}
        known = {name: rate for name, rate in rates.items() if not np.isnan(rate)}
        device, engine = inputs.devices[int(table.device[at])], table.keys[int(table.key[at])][0]
        test = _Test(device, engine, int(table.time_ns[at]), known, str(reasons[at]))
        found[int(village[at])].append(test)
    return found


def _as_arrays(tests: Sequence[_Test]) -> Tests:
    download_bps, upload_bps = (
        np.array([test.rates_bps.get(way, np.nan) for test in tests], dtype=np.float64) for way in _WAYS
    )
    time_s = np.array([test.time_ns / 1e9 for test in tests], dtype=np.float64)
    counted = np.array([not test.why_not for test in tests], dtype=bool)
    return Tests(time_s, download_bps, upload_bps, counted)


def _row(village: str, test: _Test, grid: Grid, off: NDArray[np.bool_]) -> SeriesRow:
    reason = "maintenance" if off[(test.time_ns - grid.since_ns) // MINUTE_NS] else test.why_not
    values: dict[str, float | int | bool | str] = {"counted": not reason, "why_not": reason, **test.rates_bps}
    return SeriesRow("sla_test", (test.device, *area_tags(village), test.engine), test.time_ns, values)


def _maintenance(
    announced: Sequence[Maintenance], village: str, grid: Grid, profiles: Profiles
) -> NDArray[np.bool_]:
    """Return which minutes of the day leave the account, by the profile with which its month begins."""
    zone = zone_of(village)
    day = local_day(grid.since_ns, zone)
    month = Month(day.year, day.month, zone)
    accepted = maintenance.accepted(announced, village, month, profiles.on(month.first_day))
    return accepted[(day.day - 1) * DAY_MINUTES : day.day * DAY_MINUTES]
