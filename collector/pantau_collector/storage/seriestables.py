"""The tables of derived series in SQLite, one for each series, and the questions to them.

A table is ordered by its first tag, then time; indexes serve those who ask for a span of time, or for a
village. Derived rows are few beside the measurements, whose tables have no further index.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

from pantau_collector.storage import derived
from pantau_collector.storage.series import SERIES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from pantau_collector.storage.base import SeriesRow, Value
    from pantau_collector.storage.seriestypes import Series

_SQL_TYPES = {"float": "REAL", "int": "INTEGER", "bool": "INTEGER", "text": "TEXT"}


def create_missing(db: sqlite3.Connection) -> None:
    """Make tables, indexes and columns that the table of series has and this file has not."""
    for series in SERIES.values():
        db.execute(_create_sql(series))
        present = {row[1] for row in db.execute(f"PRAGMA table_info({series.name})")}
        for column in series.columns:
            if column.name not in present:
                db.execute(f"ALTER TABLE {series.name} ADD COLUMN {column.name} {_SQL_TYPES[column.type]}")
        for name, wanted in _indexes(series):
            db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {series.name} ({wanted})")


def write(db: sqlite3.Connection, rows: Mapping[str, Sequence[SeriesRow]], *, over: bool = True) -> None:
    """Write rows that `derived.by_series` made, in the open transaction: over what is there, or beside."""
    for name, some in rows.items():
        columns = [column.name for column in SERIES[name].columns]
        db.executemany(
            _insert_sql(name, "REPLACE" if over else "IGNORE"),
            [(*row.tags, row.time_ns, *map(row.values.get, columns)) for row in some],
        )


def erase(db: sqlite3.Connection, rows: Sequence[SeriesRow]) -> None:
    """Erase the rows that stand in these places, in the transaction that is open."""
    for row in rows:
        same = " AND ".join(f"{name} = ?" for name in (*SERIES[row.series].tags, "time_ns"))
        db.execute(f"DELETE FROM {row.series} WHERE {same}", (*row.tags, row.time_ns))  # noqa: S608 - our own names


def question(
    series: Series,
    *,
    since_ns: int,
    until_ns: int,
    where: Mapping[str, Sequence[str]],
    newest: int | None,
) -> tuple[str, list[Value]]:
    """Return the statement, and its values, that reads rows in order of time, then tags."""
    tags, columns = ", ".join(series.tags), _columns(series.name)
    found, args = _found(series, since_ns=since_ns, until_ns=until_ns, where=where)
    order = f"ORDER BY time_ns, {tags}"
    if newest is None:
        return f"SELECT {columns} {found} {order}", args
    ranked = f"row_number() OVER (PARTITION BY {tags} ORDER BY time_ns DESC) AS place"
    inner = f"SELECT {columns}, {ranked} {found}"
    return f"SELECT {columns} FROM ({inner}) WHERE place <= ? {order}", [*args, newest]  # noqa: S608 - our own names


def columns_question(
    series: Series,
    wanted: Sequence[str],
    *,
    since_ns: int,
    until_ns: int,
    where: Mapping[str, Sequence[str]],
) -> tuple[str, list[Value]]:
    """Return the statement, and its values, that reads some tags and columns in any order."""
    found, args = _found(series, since_ns=since_ns, until_ns=until_ns, where=where)
    return f"SELECT {', '.join(wanted)} {found}", args


def _found(
    series: Series, *, since_ns: int, until_ns: int, where: Mapping[str, Sequence[str]]
) -> tuple[str, list[Value]]:
    wanted = [*(f"{tag} IN (SELECT value FROM json_each(?))" for tag in where), "time_ns >= ?", "time_ns < ?"]  # noqa: S608 - our own names
    args: list[Value] = [*(json.dumps(texts) for texts in where.values()), since_ns, until_ns]
    return f"FROM {series.name} WHERE {' AND '.join(wanted)}", args


def span(series: Series) -> str:
    """Return the statement that reads the first and last time, each from an end of the index."""
    table = f"FROM {series.name}"
    return f"SELECT (SELECT min(time_ns) {table}), (SELECT max(time_ns) {table})"


def rows(series: Series, found: Sequence[Sequence[Value]]) -> Iterator[SeriesRow]:
    """Return what `question` was answered."""
    count = len(series.tags)
    for tags_time_values in found:
        tags = tuple(map(str, tags_time_values[:count]))
        time_ns = int(tags_time_values[count])  # type: ignore[arg-type]
        yield derived.row_of(series, tags, time_ns, tags_time_values[count + 1 :])


@functools.cache
def _columns(name: str) -> str:
    series = SERIES[name]
    return ", ".join((*series.tags, "time_ns", *(column.name for column in series.columns)))


@functools.cache
def _insert_sql(name: str, conflict: str) -> str:
    places = ", ".join("?" * (_columns(name).count(",") + 1))
    return f"INSERT OR {conflict} INTO {name} ({_columns(name)}) VALUES ({places})"  # noqa: S608


def _create_sql(series: Series) -> str:
    fields = [
        *(f"{tag} TEXT NOT NULL" for tag in series.tags),
        "time_ns INTEGER NOT NULL",
        *(f"{column.name} {_SQL_TYPES[column.type]}" for column in series.columns),
    ]
    first, *others = series.tags
    key = ", ".join((first, "time_ns", *others))
    return (
        f"CREATE TABLE IF NOT EXISTS {series.name} ({', '.join(fields)}, PRIMARY KEY ({key})) WITHOUT ROWID"
    )


def _indexes(series: Series) -> Iterator[tuple[str, str]]:
    yield f"{series.name}_by_time", "time_ns"
    for tag in series.asked_by:
        if tag in series.tags[1:]:
            yield f"{series.name}_by_{tag}", f"{tag}, time_ns"
