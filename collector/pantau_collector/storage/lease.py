"""The lease table in SQLite: who does a piece of work alone, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_CREATE_SQL = """
CREATE TABLE IF NOT EXISTS lease (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, taken_s REAL NOT NULL, valid_s REAL NOT NULL
) WITHOUT ROWID
"""
# A lease that was taken in the future is no lease: the clock was set back meanwhile.
_TAKE_SQL = """
INSERT INTO lease VALUES (:name, :holder, :now_s, :valid_s)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, taken_s = excluded.taken_s, valid_s = excluded.valid_s
WHERE holder = excluded.holder OR abs(:now_s - taken_s) >= lease.valid_s
"""


def create_missing(db: sqlite3.Connection) -> None:
    """Make the table where it is missing."""
    db.execute(_CREATE_SQL)


def take(db: sqlite3.Connection, name: str, holder: str, valid_s: float, now_s: float) -> bool:
    """Take or renew a lease in the transaction that is open; return whether the holder has it.

    `now_s` is the machine's wall clock in seconds since 1970: who shares the file shares that clock.
    """
    args = {"name": name, "holder": holder, "now_s": now_s, "valid_s": valid_s}
    return bool(db.execute(_TAKE_SQL, args).rowcount)
