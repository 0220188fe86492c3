"""The SQLite schema, derived from the wire's table of fields: one table per kind."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pantau_collector.storage.rows import STAMP_COUNT, column_names
from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    import sqlite3

    from pantau_collector.storage.rows import Row

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


def identity_of(kind: str, row: Row) -> Row:
    """Return what `same_point_sql` compares; keys are the first of a kind's columns."""
    return row[:2] + row[STAMP_COUNT : STAMP_COUNT + len(schema.key_names(kind))]


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
