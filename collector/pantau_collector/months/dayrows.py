"""A village's day as a row of the series `sla_day`, and back.

Numbers are columns of their own. What is packed is base64: of the states' runs, three bytes each, every run
is four characters, without padding. Layouts: `analysis/days.py` and `analysis/delays.py`.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.analysis.days import DayRow
from pantau_collector.months.instants import day_ns, local_day
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import zone_of
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantau_collector.storage.base import Store

SERIES = "sla_day"
_PACKED = ("states", "latency_histogram", "variation_histogram", "tests")
_PLAIN = tuple(name for name in DayRow.__struct_fields__ if name not in ("day", *_PACKED))


def to_series(village: str, row: DayRow) -> SeriesRow:
    """Return a day as it is stored."""
    values: dict[str, Any] = {name: packed(getattr(row, name)) for name in _PACKED}
    values |= {name: getattr(row, name) for name in _PLAIN}
    return SeriesRow(SERIES, area_tags(village), day_ns(row.day, zone_of(village)), values)


def from_series(row: SeriesRow) -> DayRow:
    """Return a stored day; raises `ValueError` where what is packed cannot be unpacked."""
    values: dict[str, Any] = {name: unpacked(str(row.values.get(name, ""))) for name in _PACKED}
    values |= {name: row.values[name] for name in _PLAIN if name in row.values}
    return msgspec.convert({**values, "day": local_day(row.time_ns, zone_of(row.tags[0]))}, DayRow)


def packed(content: bytes) -> str:
    """Return bytes as base64 on one line."""
    return binascii.b2a_base64(content, newline=False).decode("ascii")


def unpacked(text: str) -> bytes:
    """Return the bytes of base64; raises `ValueError`."""
    return binascii.a2b_base64(text)


def read(store: Store, villages: Iterable[str], since_ns: int, until_ns: int) -> dict[str, list[DayRow]]:
    """Return the days of some villages that begin in a span, by village, in order."""
    found: dict[str, list[DayRow]] = {village: [] for village in villages}
    where: Mapping[str, list[str]] = {"village": list(found)}
    for row in store.series(SERIES, since_ns=since_ns, until_ns=until_ns, where=where):
        if row.values.get("states"):  # else one that could not be erased
            found[row.tags[0]].append(from_series(row))
    return found
