"""The spool's SQLite file: its tables, how it is opened, and what its counters say.

With `synchronous=FULL` what is committed survives a power cut.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_agent import sqlitefile
from pantau_agent.errors import SpoolDamagedError, SpoolError
from pantau_agent.spool import eras

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VERSION = 3
_WAITING_SINCE = 2
_SCHEMA_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    uptime_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    clock TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE dropped (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_SCHEMA_2 = """
CREATE TABLE waiting (
    id INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    uptime_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    clock TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE reference (
    boot TEXT PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    uptime_ns INTEGER NOT NULL,
    uncertainty_ns INTEGER NOT NULL,
    source TEXT NOT NULL
);
"""
_PRIMARY_CODE = 0xFF  # the rest of an SQLite result code is detail
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
COUNTERS = ("stored_count", "rejected_count", "dropped_count")


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What the spool holds and held: counts since it was made, size in bytes.

    `waiting_count` of the `depth_count` wait until the time is known, and have no `seq` yet.
    """

    spool_id: str
    depth_count: int
    waiting_count: int
    size_bytes: int
    last_seq: int
    stored_count: int
    rejected_count: int
    dropped_count: int


def open_or_set_aside(
    path: Path, take_over: Callable[[sqlite3.Connection, Path], None]
) -> sqlite3.Connection:
    """Open the file, or put a damaged one aside under another name and begin anew.

    `take_over` gets the new file, and where the damaged one is now.
    Raises `SpoolError` where the file cannot be opened for another reason.
    """
    try:
        return sqlitefile.open_or_set_aside(path, "spool", _prepare, take_over)
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"cannot open {path}: {error}") from None


def read_state(path: Path) -> SpoolState:
    """Return the state of a spool that an agent may be using; raises `SpoolError` where there is none."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            return state_of(db, path)
    except sqlite3.Error as error:
        raise spool_error(path, error) from None


def state_of(db: sqlite3.Connection, path: Path) -> SpoolState:
    """Return what the file says; it is read from end to end. Raises `SpoolError` where it is no spool."""
    try:
        found = db.execute("SELECT value FROM meta WHERE name = 'spool_id'").fetchone()
        counts = dict(db.execute("SELECT name, value FROM counter"))
        (record_count,) = db.execute("SELECT count(*) FROM record").fetchone()
        waiting_count = _waiting_count(db)
    except sqlite3.OperationalError as error:
        raise SpoolError(f"{path} is not a spool: {error}") from None
    if found is None:
        raise SpoolError(f"{path} is not a spool: it has no id")
    totals = {name: counts.get(name, 0) for name in COUNTERS}
    depth_count = record_count + waiting_count
    return SpoolState(str(found[0]), depth_count, waiting_count, used_bytes(db), last_seq(db), **totals)


def _waiting_count(db: sqlite3.Connection) -> int:
    if _version(db) < _WAITING_SINCE:  # not opened yet by an agent that makes records wait
        return 0
    return int(db.execute("SELECT count(*) FROM waiting").fetchone()[0])


def used_bytes(db: sqlite3.Connection) -> int:
    """Return the size of the pages in use."""
    pages, free, size = (
        db.execute(f"PRAGMA {pragma}").fetchone()[0]
        for pragma in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def last_seq(db: sqlite3.Connection) -> int:
    """Return the highest `seq` ever given, 0 before the first."""
    found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
    return int(found[0]) if found else 0


def use_seqs(db: sqlite3.Connection, count: int) -> range:
    """Return so many new `seq` that no record will have."""
    last = last_seq(db)
    statement = "UPDATE sqlite_sequence SET seq = ? WHERE name = 'record'"
    if db.execute(statement, (last + count,)).rowcount == 0:
        db.execute("INSERT INTO sqlite_sequence VALUES ('record', ?)", (last + count,))
    return range(last + 1, last + count + 1)


def spool_error(path: Path, error: sqlite3.Error) -> SpoolError:
    """Return what an error of SQLite means: damage ends the agent, everything else may pass."""
    if getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGE:
        return SpoolDamagedError(f"{path} is damaged: {error}; start again, and it is put aside")
    return SpoolError(f"cannot use {path}: {error}")


def _prepare(db: sqlite3.Connection) -> None:
    version = _version(db)
    if version == 0:
        _create(db)
    elif version < _VERSION:
        _migrate(db, version)


def _create(db: sqlite3.Connection) -> None:
    db.executescript("BEGIN;" + _SCHEMA_1 + _SCHEMA_2 + eras.SCHEMA)
    eras.begin(db, 1)
    db.execute(f"PRAGMA user_version = {_VERSION}")
    db.commit()


def _migrate(db: sqlite3.Connection, version: int) -> None:
    """Let records wait, and eras begin; what the spool holds may have been sent, and stays as it is."""
    found = db.execute("SELECT value FROM meta WHERE name = 'spool_id'").fetchone()
    if found is None:
        return  # another program's database
    db.executescript("BEGIN;" + (_SCHEMA_2 if version < _WAITING_SINCE else "") + eras.SCHEMA)
    eras.begin(db, 1, str(found[0]))
    db.execute(f"PRAGMA user_version = {_VERSION}")
    db.commit()


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
