"""How an arrival becomes a row of plain values, and a row a point: what all stores have in common.

A row is the stamp's columns, then the kind's in the order of the wire's table; a series is JSON text in it.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.storage.base import STAMP_COLUMNS, Parcel, Point, Value
from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_wire.fields import Measurement

Row = tuple[Value, ...]
STAMP_COUNT = len(STAMP_COLUMNS)


def text_of_series(value: Value) -> str:
    """Return a series as the text that a store keeps of it."""
    return msgspec.json.encode(value).decode()


def _series(value: Value) -> Value:
    return msgspec.json.decode(str(value), type=tuple[float, ...])


_FROM_STORED: dict[str, Callable[..., Value]] = {"bool": bool, "float": float, "series": _series}


@functools.cache
def column_names(kind: str) -> tuple[str, ...]:
    """Return all columns of a kind's rows: the stamp's, then the table of fields'."""
    return STAMP_COLUMNS + tuple(column.name for column in schema.columns(kind))


def rows_of(parcel: Parcel) -> list[tuple[str, Row]]:
    """Return each record's kind and row, in the order of `column_names`."""
    device, spool, boot = parcel.device, parcel.spool, parcel.boot
    found = []
    for record in parcel.records:
        kind, values_of = _READERS[type(record.data)]
        stamp = (device, record.time_ns, spool, record.seq, boot, record.uptime_ns, record.clock)
        found.append((kind, stamp + values_of(record.data)))
    return found


def point_of(kind: str, row: Sequence[Value]) -> Point:
    """Return a row as a point, with the types of the wire again."""
    names, converters = _converters(kind)
    values = dict(zip(names, row[STAMP_COUNT:], strict=True))
    for name, convert in converters:
        value = values[name]
        if value is not None:
            values[name] = convert(value)
    device, time_ns, spool, seq, boot, uptime_ns, clock = row[:STAMP_COUNT]
    return Point(kind, device, time_ns, spool, seq, boot, uptime_ns, clock, values)  # type: ignore[arg-type]


@functools.cache
def _converters(kind: str) -> tuple[tuple[str, ...], list[tuple[str, Callable[..., Value]]]]:
    """Return the kind's columns, and what makes those that are not stored as they are what they were."""
    columns = schema.columns(kind)
    converters = [(one.name, _FROM_STORED[one.type]) for one in columns if one.type in _FROM_STORED]
    return tuple(one.name for one in columns), converters


def _values_of(kind: str) -> Callable[[Measurement], Row]:
    """Return what reads all of a kind's columns at once."""
    columns = schema.columns(kind)
    read = operator.attrgetter(*(column.name for column in columns))
    series = [place for place, column in enumerate(columns) if column.type == "series"]
    return _with_series_as_text(read, series) if series else read


def _with_series_as_text(
    read: Callable[[Measurement], Row], places: Sequence[int]
) -> Callable[[Measurement], Row]:
    def values(measurement: Measurement) -> Row:
        row = list(read(measurement))
        for place in places:
            if row[place] is not None:
                row[place] = text_of_series(row[place])
        return tuple(row)

    return values


_READERS = {measurement: (kind, _values_of(kind)) for kind, measurement in KINDS.items()}
