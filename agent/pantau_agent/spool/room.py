"""Drops what a spool cannot keep, counted and announced; in the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from pantau_agent.spool import eras, file
from pantau_wire import ranges

if TYPE_CHECKING:
    import sqlite3

    from pantau_wire.envelope import DropReason

log = structlog.get_logger()

_EVICT_SHARE = 20  # a full spool gives up a twentieth of its records at a time
_AGING_LIMIT = 1000  # records looked at for their age in one commit, so that it stays short
_TRUSTED = ("synced", "repaired")


def share_to_drop(db: sqlite3.Connection, max_bytes: int, depth_count: int) -> int:
    """Return how many records must go, because the spool is over its size."""
    return max(1, depth_count // _EVICT_SHARE) if file.used_bytes(db) > max_bytes else 0


def drop_oldest(db: sqlite3.Connection, share: int, oldest_ns: int | None) -> int:
    """Drop the `share` oldest records, and all up to the last that is older than a time; return how many.

    A guessed time makes no record old. Without `oldest_ns` the time is not known now, and nothing is old.
    """
    rows = db.execute(
        "SELECT seq, time_ns, clock FROM record ORDER BY seq LIMIT ?", (max(share, _AGING_LIMIT),)
    ).fetchall()
    old = [seq for seq, time_ns, clock in rows if clock in _TRUSTED and time_ns < (oldest_ns or 0)]
    last = max([seq for seq, _, _ in rows[:share]] + old, default=0)
    return drop(db, [seq for seq, _, _ in rows if seq <= last], "spool_full")


def drop_waiting(db: sqlite3.Connection, share: int) -> int:
    """Drop the oldest that wait for their time; they get numbers, so that they can be announced."""
    ids = db.execute("SELECT id FROM waiting ORDER BY id LIMIT ?", (share,)).fetchall()
    if not ids:
        return 0
    db.execute("DELETE FROM waiting WHERE id <= ?", ids[-1])
    _announce(db, list(file.use_seqs(db, len(ids))), "spool_full")
    return len(ids)


def drop(db: sqlite3.Connection, seqs: list[int], reason: DropReason) -> int:
    """Delete these records and note their ranges; return how many were here."""
    cursor = db.executemany("DELETE FROM record WHERE seq = ?", [(seq,) for seq in seqs])
    if cursor.rowcount <= 0:
        return 0
    _announce(db, seqs, reason)
    return int(cursor.rowcount)


def _announce(db: sqlite3.Connection, seqs: list[int], reason: DropReason) -> None:
    db.executemany(
        "INSERT INTO dropped VALUES (?, ?, ?)",
        [(first, last, reason) for first, last in eras.Eras(db).split(ranges.from_numbers(seqs))],
    )
    log.warning("spool.dropped", reason=reason, first_seq=seqs[0], last_seq=seqs[-1], dropped_count=len(seqs))
