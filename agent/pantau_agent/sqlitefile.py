"""Opens an SQLite file so that a power cut takes nothing that was committed; a damaged one is put aside."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = structlog.get_logger()

_BUSY_S = 10.0
_BUSY_STEP_S = 0.02
_PRIMARY_CODE = 0xFF  # SQLite's extended codes have the primary one in their low byte


def open_or_set_aside(
    path: Path,
    what: str,
    prepare: Callable[[sqlite3.Connection], None],
    take_over: Callable[[sqlite3.Connection, Path], None] = lambda _db, _aside: None,
) -> sqlite3.Connection:
    """Open the file and `prepare` its tables; one that is damaged gets another name, and a new one begins.

    `take_over` gets the new file, and where the damaged one is now.
    Raises OSError or sqlite3.Error where the file cannot be opened for another reason.
    """
    try:
        return _open(path, prepare)
    except sqlite3.OperationalError:  # cannot open, disk full, locked: not damage
        raise
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path, f"{what}.damaged", error)
    db = _open(path, prepare)
    take_over(db, aside)
    return db


def _open(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, timeout=_BUSY_S)
    try:
        _keep_a_log(db)
        db.execute("PRAGMA synchronous = FULL")
        _check(db)
        prepare(db)
        path.chmod(0o600)
    except BaseException:
        db.close()
        raise
    return db


def _keep_a_log(db: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; wait for who does so at the same moment, which SQLite itself does not."""
    deadline_s = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline_s:
                raise
            time.sleep(_BUSY_STEP_S)
        else:
            return


def _check(db: sqlite3.Connection) -> None:
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _set_aside(path: Path, event: str, error: sqlite3.DatabaseError) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    log.warning(event, error=str(error), set_aside=str(aside))
    return aside
