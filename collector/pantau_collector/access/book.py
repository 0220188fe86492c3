"""The file of accounts: an SQLite file for its owner alone, which command line and portal share."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, cast

from pantau_collector.access.model import Action, Entry
from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _
from pantau_collector.storage import sqlitefile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRIVATE = 0o600
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, digest BLOB NOT NULL,
    created_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, revoked_at INTEGER, last_used_at INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS token_names ON tokens (name) WHERE revoked_at IS NULL;
CREATE TABLE IF NOT EXISTS people (
    name TEXT PRIMARY KEY, scope TEXT NOT NULL, password TEXT NOT NULL,
    created_at INTEGER NOT NULL, last_login_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL, person TEXT NOT NULL,
    created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
"""


class Book:
    """The accounts of one file. Thread-safe; every method may raise `AccessError`."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet: the file appears with the first account."""
        self.path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._inode: int | None = None

    def exists(self) -> bool:
        """Tell whether the file is there."""
        with self._explained():
            return self._find() is not None

    def in_use(self) -> bool:
        """Tell whether there is, or ever was, an account: removing the last one must not open the door."""
        if not self.exists():
            return False
        with self.changing() as db:
            return db.execute("SELECT 1 FROM journal LIMIT 1").fetchone() is not None

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file, for one statement."""
        with self._lock, self._explained():
            yield self._opened()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do several things or none."""
        with self.changing() as db, sqlitefile.transaction(db):
            yield db

    def journal(self, newest: int) -> list[Entry]:
        """Return the newest entries, newest first."""
        with self.changing() as db:
            rows = db.execute(
                "SELECT at, who, action, subject FROM journal ORDER BY number DESC LIMIT ?", (newest,)
            ).fetchall()
        return [Entry(at, who, cast("Action", action), subject) for at, who, action, subject in rows]

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            self._forget()

    def _opened(self) -> sqlite3.Connection:
        """Return the connection, a new one where another file took the place of the old one."""
        inode = self._find()
        if self._db is None or inode != self._inode:
            self._forget()
            if inode is None:
                self._create()
            else:
                with contextlib.suppress(
                    PermissionError
                ):  # another user's file, that we may read all the same
                    self.path.chmod(_PRIVATE)
            self._db = _connected(self.path)
            self._inode = self._find()
        return self._db

    def _find(self) -> int | None:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return None

    def _create(self) -> None:
        """Make an empty file that only its owner may read; root makes it for the owner of the folder."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
        if os.geteuid() == 0:
            owner = self.path.parent.stat()
            os.chown(self.path, owner.st_uid, owner.st_gid)

    def _forget(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = self._inode = None

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AccessError(
                _("cannot use {path}: {reason}"), path=self.path, reason=error.strerror
            ) from None
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise AccessError(_("cannot use {path}: {reason}"), path=self.path, reason=error) from None


def _connected(path: Path) -> sqlite3.Connection:
    """Open it without a write-ahead log: the accounts are one file, that can be copied, moved and deleted."""
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(contextlib.closing(sqlitefile.connect(path)))
        db.execute("PRAGMA synchronous = FULL")
        with sqlitefile.transaction(db):
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
        stack.pop_all()
    return db


def record(db: sqlite3.Connection, now: int, who: str, action: Action, subject: str) -> None:
    """Write into the journal, in the transaction of the deed itself."""
    db.execute(
        "INSERT INTO journal (at, who, action, subject) VALUES (?, ?, ?, ?)", (now, who, action, subject)
    )
