"""The spool's SQLite file: its tables, how it is opened, and what its counters say.

With `synchronous=FULL` what is committed survives a power cut.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from pantau_agent.errors import SpoolDamagedError, SpoolError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_SCHEMA = """
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
_PRIMARY_CODE = 0xFF  # the rest of an SQLite result code is detail
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
COUNTERS = ("stored_count", "rejected_count", "dropped_count")


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What the spool holds and held: counts since it was made, size in bytes."""

    spool_id: str
    depth_count: int
    size_bytes: int
    last_seq: int
    stored_count: int
    rejected_count: int
    dropped_count: int


def open_or_set_aside(path: Path) -> sqlite3.Connection:
    """Open the file, or put a damaged one aside under another name and begin anew.

    Raises `SpoolError` where the file cannot be opened for another reason.
    """
    try:
        try:
            return _open(path)
        except sqlite3.OperationalError:  # cannot open, disk full, locked: not damage
            raise
        except sqlite3.DatabaseError as error:
            _set_aside(path, error)
            return _open(path)
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
        (depth_count,) = db.execute("SELECT count(*) FROM record").fetchone()
    except sqlite3.OperationalError as error:
        raise SpoolError(f"{path} is not a spool: {error}") from None
    if found is None:
        raise SpoolError(f"{path} is not a spool: it has no id")
    totals = {name: counts.get(name, 0) for name in COUNTERS}
    return SpoolState(str(found[0]), depth_count, used_bytes(db), last_seq(db), **totals)


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


def spool_error(path: Path, error: sqlite3.Error) -> SpoolError:
    """Return what an error of SQLite means: damage ends the agent, everything else may pass."""
    if getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGE:
        return SpoolDamagedError(f"{path} is damaged: {error}; start again, and it is put aside")
    return SpoolError(f"cannot use {path}: {error}")


def _set_aside(path: Path, error: sqlite3.DatabaseError) -> None:
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    log.warning("spool.damaged", error=str(error), set_aside=str(aside))


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, timeout=10)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            _create(db)
        _check(db)
        path.chmod(0o600)
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _create(db: sqlite3.Connection) -> None:
    db.executescript("BEGIN;" + _SCHEMA)
    db.execute("INSERT INTO meta VALUES ('spool_id', ?)", (uuid.uuid4().hex,))
    db.execute("PRAGMA user_version = 1")
    db.commit()
