"""The SQLite schema, derived from the wire's table of fields: one table per kind."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.storage.base import STAMP_COLUMNS, Arrival, Point, Value
from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from pantau_wire.fields import Measurement

_SQL_TYPES = {"float": "REAL", "int": "INTEGER", "bool": "INTEGER", "text": "TEXT", "series": "TEXT"}
_STAMP_SQL = (
    "device TEXT NOT NULL, time_ns INTEGER NOT NULL, spool TEXT NOT NULL, seq INTEGER NOT NULL,"
    " boot TEXT NOT NULL, uptime_ns INTEGER NOT NULL, clock TEXT NOT NULL"
)
_DELIVERY_SQL = """
CREATE TABLE IF NOT EXISTS delivery (
    device TEXT NOT NULL, spool TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    state TEXT NOT NULL, at_ns INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (device, spool, first_seq, last_seq, state)
) WITHOUT ROWID
"""
_ACTIVITY_SQL = """
CREATE TABLE IF NOT EXISTS activity (
    device TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
    first_time_ns INTEGER NOT NULL, last_time_ns INTEGER NOT NULL,
    PRIMARY KEY (device, kind)
) WITHOUT ROWID
"""


def _as_it_is(value: Value) -> Value:
    return value


def _series(value: Value) -> Value:
    return msgspec.json.decode(str(value), type=tuple[float, ...])


_FROM_SQL: dict[str, Callable[[Value], Value]] = {"bool": bool, "series": _series}


def create_missing(db: sqlite3.Connection) -> None:
    """Make tables and columns that a newer version of the wire contract has and this file has not."""
    db.execute(_DELIVERY_SQL)
    db.execute(_ACTIVITY_SQL)
    for kind in KINDS:
        db.execute(_create_sql(kind))
        present = {row[1] for row in db.execute(f"PRAGMA table_info({kind})")}
        for column in schema.columns(kind):
            if column.name not in present:
                db.execute(f"ALTER TABLE {kind} ADD COLUMN {column.name} {_SQL_TYPES[column.type]}")


@functools.cache
def column_names(kind: str) -> tuple[str, ...]:
    """Return all columns of a kind's table: the stamp's, then the table of fields'."""
    return STAMP_COLUMNS + tuple(column.name for column in schema.columns(kind))


@functools.cache
def insert_sql(kind: str) -> str:
    """Return the statement that adds a point, and leaves one that is there alone."""
    names = column_names(kind)
    return f"INSERT OR IGNORE INTO {kind} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - names are our own


@functools.cache
def select_sql(kind: str) -> str:
    """Return the statement, up to its conditions, that reads points."""
    return f"SELECT {', '.join(column_names(kind))} FROM {kind}"  # noqa: S608 - names are our own


@functools.cache
def same_point_sql(kind: str) -> str:
    """Return the condition that finds the stored twin of a point."""
    keys = ("device", "time_ns", *schema.key_names(kind))
    return " WHERE " + " AND ".join(f"{name} = ?" for name in keys)


def row_of(kind: str, arrival: Arrival) -> tuple[Value, ...]:
    """Return an arrival as a row, in the order of `column_names`."""
    record = arrival.record
    data = record.data
    stamp = (
        arrival.device,
        record.time_ns,
        arrival.spool,
        record.seq,
        arrival.boot,
        record.uptime_ns,
        record.clock,
    )
    return stamp + _values_of(kind)(data)


@functools.cache
def _values_of(kind: str) -> Callable[[Measurement], tuple[Value, ...]]:
    """Return what reads all of a kind's columns at once."""
    columns = schema.columns(kind)
    read = operator.attrgetter(*(column.name for column in columns))
    series = [place for place, column in enumerate(columns) if column.type == "series"]
    return _with_series_as_text(read, series) if series else read


def _with_series_as_text(
    read: Callable[[Measurement], tuple[Value, ...]], places: Sequence[int]
) -> Callable[[Measurement], tuple[Value, ...]]:
    def values(measurement: Measurement) -> tuple[Value, ...]:
        row = list(read(measurement))
        for place in places:
            if row[place] is not None:
                row[place] = msgspec.json.encode(row[place]).decode()
        return tuple(row)

    return values


def identity_of(kind: str, arrival: Arrival) -> tuple[Value, ...]:
    """Return what `same_point_sql` compares."""
    keys = tuple(getattr(arrival.record.data, name) for name in schema.key_names(kind))
    return (arrival.device, arrival.record.time_ns, *keys)


def point_of(kind: str, row: Sequence[Value]) -> Point:
    """Return a row as a point, flags as bool again."""
    stamp = dict(zip(STAMP_COLUMNS, row, strict=False))
    return Point(kind=kind, values=dict(_values(kind, row[len(STAMP_COLUMNS) :])), **stamp)  # type: ignore[arg-type]


def _values(kind: str, row: Sequence[Value]) -> Iterator[tuple[str, Value]]:
    for column, value in zip(schema.columns(kind), row, strict=True):
        yield column.name, value if value is None else _FROM_SQL.get(column.type, _as_it_is)(value)


def _create_sql(kind: str) -> str:
    fields = [
        f"{column.name} {_SQL_TYPES[column.type]}{' NOT NULL' if column.key else ''}"
        for column in schema.columns(kind)
    ]
    keys = ", ".join(("device", "time_ns", *schema.key_names(kind)))
    return (
        f"CREATE TABLE IF NOT EXISTS {kind} ({_STAMP_SQL}, {', '.join(fields)}, PRIMARY KEY ({keys}))"
        " WITHOUT ROWID"
    )
