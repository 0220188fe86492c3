"""Notices that wait, each contact's by itself, on disk until they were sent. One process writes it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple

from pantau_collector.notification.notices import Text
from pantau_collector.storage import sqlitefile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantau_collector.notification.notices import Severity

KEPT_S = 30 * 86_400.0
"""So long a notice that was sent is known, and not sent again."""
LATEST_S = 86_400.0
"""What could not be sent for so long is no news any more."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS notice (
    contact TEXT NOT NULL, key TEXT NOT NULL, severity TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    noted_s REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (contact, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contact (
    contact TEXT PRIMARY KEY, sent_s REAL NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    retry_s REAL NOT NULL DEFAULT 0
) WITHOUT ROWID
"""


class Waiting(NamedTuple):
    """A notice that is not sent yet."""

    key: str
    severity: Severity
    text: Text


class Pace(NamedTuple):
    """When a contact got its last message, how often sending failed since, and when to try again (s)."""

    sent_s: float = 0.0
    failures: int = 0
    retry_s: float = 0.0


class Outbox:
    """The file. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Open or make it; raises `sqlite3.Error` and `OSError`."""
        self._lock = threading.Lock()
        self._db = sqlitefile.open_durable(path, _create_missing)

    def put(self, contact: str, some: Sequence[Waiting], now_s: float) -> None:
        """Keep notices; one that is known already changes nothing."""
        rows = [(contact, one.key, one.severity, *one.text, now_s) for one in some]
        with self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO notice (contact, key, severity, title, body, noted_s)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def contacts(self) -> list[str]:
        """Return who has notices waiting."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT DISTINCT contact FROM notice WHERE NOT done")]

    def waiting(self, contact: str) -> list[Waiting]:
        """Return a contact's notices, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT key, severity, title, body FROM notice WHERE contact = ? AND NOT done"
                " ORDER BY noted_s, key",
                (contact,),
            ).fetchall()
        return [Waiting(key, severity, Text(title, body)) for key, severity, title, body in rows]

    def pace(self, contact: str) -> Pace:
        """Return how sending to a contact goes."""
        with self._lock:
            row = self._db.execute(
                "SELECT sent_s, failures, retry_s FROM contact WHERE contact = ?", (contact,)
            ).fetchone()
        return Pace(*row) if row else Pace()

    def sent(self, contact: str, keys: Sequence[str], now_s: float) -> None:
        """Take note that these were sent."""
        with self._transaction():
            self._done(contact, keys)
            self._set_pace(contact, Pace(sent_s=now_s))

    def failed(self, contact: str, pace: Pace) -> None:
        """Take note that sending failed, and when to try again."""
        with self._transaction():
            self._set_pace(contact, pace)

    def drop_old(self, now_s: float) -> int:
        """Forget what was sent long ago; give up what could not be sent for a day, and return how much."""
        with self._transaction():
            late = self._db.execute(
                "UPDATE notice SET done = 1 WHERE NOT done AND noted_s < ?", (now_s - LATEST_S,)
            )
            self._db.execute("DELETE FROM notice WHERE done AND noted_s < ?", (now_s - KEPT_S,))
            return late.rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _done(self, contact: str, keys: Sequence[str]) -> None:
        self._db.executemany(
            "UPDATE notice SET done = 1 WHERE contact = ? AND key = ?", [(contact, key) for key in keys]
        )

    def _set_pace(self, contact: str, pace: Pace) -> None:
        self._db.execute("INSERT OR REPLACE INTO contact VALUES (?, ?, ?, ?)", (contact, *pace))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, sqlitefile.transaction(self._db):
            yield


def _create_missing(db: sqlite3.Connection) -> None:
    for statement in _SCHEMA.split(";"):
        db.execute(statement)
