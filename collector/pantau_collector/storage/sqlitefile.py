"""SQLite files as we keep them: WAL, `synchronous=FULL`, and transactions that we begin and end ourselves."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BUSY_TIMEOUT_S = 30.0
_RETRY_S = 0.02


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that any thread may use, one at a time, and that waits for other writers."""
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None)


def open_durable(path: Path, create: Callable[[sqlite3.Connection], object]) -> sqlite3.Connection:
    """Open or make a file whose commits are on the disk when they return; `create` makes what is missing.

    Several processes may do so at once. Raises `sqlite3.Error` or `OSError`, and leaves nothing open then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(contextlib.closing(connect(path)))
        _switch_to_wal(db)
        db.execute("PRAGMA synchronous = FULL")
        with transaction(db):
            create(db)
        stack.pop_all()  # all went well: it stays open
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Do everything or nothing, and wait for other writers before, not in the middle of it.

    sqlite3's implicit transactions would not do: they let the release of the first savepoint commit.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have ended it already
            db.execute("ROLLBACK")
        raise


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Switch, and try again while another process does: here SQLite does not wait by itself."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return
