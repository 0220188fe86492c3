"""Makes room: the oldest letters of whoever exceeds the quota go, and their number, reason and times stay.

Nobody's flood costs another one's letters: a device that exceeds its quota loses its own, and where all
together exceed theirs, those that hold most lose first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pantau_collector.deadletters.letters import Quota, Rotation, Tally

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

SCHEMA = """
CREATE TABLE IF NOT EXISTS rotated (
    account TEXT NOT NULL,
    reason TEXT NOT NULL,
    letters INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    times INTEGER NOT NULL,
    first_at_ns INTEGER NOT NULL,
    last_at_ns INTEGER NOT NULL,
    PRIMARY KEY (account, reason)
) WITHOUT ROWID
"""
_BEYOND = """
SELECT id FROM (
    SELECT id, row_number() OVER newest_first AS place, sum(size_bytes) OVER newest_first AS bytes
    FROM dead_letter WHERE account = ? WINDOW newest_first AS (ORDER BY id DESC)
) WHERE place > ? OR bytes > ?
"""
_OF_THESE = "SELECT value FROM json_each(?)"
_COUNTED = (
    "SELECT account, reason, count(*) AS letters, sum(size_bytes), sum(times), min(at_ns), max(last_at_ns)"
    " FROM dead_letter"
)
_ADD = """
INSERT INTO rotated VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, reason) DO UPDATE SET
    letters = letters + excluded.letters,
    bytes = bytes + excluded.bytes,
    times = times + excluded.times,
    first_at_ns = min(first_at_ns, excluded.first_at_ns),
    last_at_ns = max(last_at_ns, excluded.last_at_ns)
"""
_TALLIES = """
SELECT account, reason, sum(kept), sum(kept_bytes), sum(kept_times),
    sum(gone), sum(gone_bytes), sum(gone_times), min(first_at_ns), max(last_at_ns)
FROM (
    SELECT account, reason, letters AS gone, bytes AS gone_bytes, times AS gone_times,
        0 AS kept, 0 AS kept_bytes, 0 AS kept_times, first_at_ns, last_at_ns FROM rotated
    UNION ALL
    SELECT account, reason, 0, 0, 0, letters, bytes, times, first_at_ns, last_at_ns
    FROM (SELECT account, reason, count(*) AS letters, sum(size_bytes) AS bytes, sum(times) AS times,
        min(at_ns) AS first_at_ns, max(last_at_ns) AS last_at_ns FROM dead_letter GROUP BY account, reason)
)
WHERE ?1 IS NULL OR account = ?1
GROUP BY account, reason ORDER BY sum(kept) + sum(gone) DESC, account, reason
"""
_RELIEF_RATIO = 0.95  # a full file is not looked through anew for each letter
_LARGEST_AT_ONCE = 10


def make_room(
    db: sqlite3.Connection, quota: Quota, accounts: Iterable[str], last_before: int
) -> list[Rotation]:
    """Rotate what exceeds the quota of these accounts or of all, within the caller's transaction.

    Where all together have too much, only letters up to the number `last_before` make room: those that were
    just put in are to be found there when the device is told so.
    """
    rotations: list[Rotation] = []
    for account in accounts:
        beyond = db.execute(_BEYOND, [account, quota.device_letters, quota.device_bytes]).fetchall()
        rotations += _rotate(db, [number for (number,) in beyond])
    if used_bytes(db) > quota.total_bytes:
        rotations += _relieve(db, quota.total_bytes * _RELIEF_RATIO, last_before)
    return rotations


def used_bytes(db: sqlite3.Connection) -> int:
    """Return how much of the file is in use: it does not grow while there is unused space in it."""
    pages, unused, page_bytes = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - unused) * page_bytes


def tallies(db: sqlite3.Connection, account: str | None = None) -> list[Tally]:
    """Return what became of all letters, or of one account's; where most came first."""
    return [Tally(*row) for row in db.execute(_TALLIES, [account])]


def _relieve(db: sqlite3.Connection, target_bytes: float, last: int) -> list[Rotation]:
    """Take the older half from those that hold most, until the file is small enough or nothing is left."""
    rotations: list[Rotation] = []
    while used_bytes(db) > target_bytes and (largest := _largest(db, last)):
        for account, count in largest:
            rotations += _rotate(db, _oldest(db, account, last, (count + 1) // 2))
            if used_bytes(db) <= target_bytes:
                break
    return rotations


def _largest(db: sqlite3.Connection, last: int) -> list[tuple[str, int]]:
    return db.execute(
        "SELECT account, count(*) FROM dead_letter WHERE id <= ? GROUP BY account"
        " ORDER BY sum(size_bytes) DESC, min(id) LIMIT ?",
        [last, _LARGEST_AT_ONCE],
    ).fetchall()


def _oldest(db: sqlite3.Connection, account: str, last: int, count: int) -> list[int]:
    sql = "SELECT id FROM dead_letter WHERE account = ? AND id <= ? ORDER BY id LIMIT ?"
    return [number for (number,) in db.execute(sql, [account, last, count])]


def _rotate(db: sqlite3.Connection, numbers: Sequence[int]) -> list[Rotation]:
    """Count these letters, and delete them."""
    if not numbers:
        return []
    chosen = [json.dumps(numbers)]
    rows = db.execute(f"{_COUNTED} WHERE id IN ({_OF_THESE}) GROUP BY account, reason", chosen).fetchall()
    db.executemany(_ADD, rows)
    db.execute(f"DELETE FROM dead_letter WHERE id IN ({_OF_THESE})", chosen)  # noqa: S608 - our own words
    return [Rotation(account, reason, letters) for account, reason, letters, *_ in rows]
