"""Gives records their times and numbers, those that wait and those that come; in the caller's transaction.

Only what has a time that will not change again goes into `record`. The rest waits, without a number.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from pantau_agent.clock import Stamp
from pantau_agent.timekeeping import BootRows, Reference

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pantau_agent.timekeeping import Timekeeper

_SETTLED_AT_ONCE = 5000  # of those that wait, so that a commit stays short on a slow card

Row = tuple[int, int, str, str, bytes]
"""Wall clock and time since boot (ns), boot, the clock's state, and the measurement's JSON."""


def settle(db: sqlite3.Connection, timekeeper: Timekeeper, batch: Iterable[Row]) -> int:
    """Write a batch, and give a time to the oldest that wait; return how many got their number."""
    dated, undated = _date(timekeeper, batch)
    settled_count = _settle_waiting(db, timekeeper)
    _record(db, dated)
    db.executemany(
        "INSERT INTO waiting (time_ns, uptime_ns, boot, clock, data) VALUES (?, ?, ?, ?, ?)", undated
    )
    return settled_count + len(dated)


def load_references(db: sqlite3.Connection, timekeeper: Timekeeper) -> None:
    """Tell the timekeeper what an earlier run knew."""
    rows = db.execute(
        "SELECT boot, time_ns, uptime_ns, uncertainty_ns, source FROM reference ORDER BY rowid"
    ).fetchall()
    timekeeper.recall([(boot, Reference(*values)) for boot, *values in rows])


def save_references(db: sqlite3.Connection, timekeeper: Timekeeper) -> None:
    """Keep what the timekeeper knows; of earlier boots only while something of them waits."""
    db.executemany(
        "INSERT OR REPLACE INTO reference VALUES (?, ?, ?, ?, ?)",
        [(boot, *astuple(reference)) for boot, reference in timekeeper.references()],
    )
    if timekeeper.known and db.execute("SELECT 1 FROM waiting LIMIT 1").fetchone() is None:
        db.execute("DELETE FROM reference WHERE boot != ?", (timekeeper.boot,))


def _settle_waiting(db: sqlite3.Connection, timekeeper: Timekeeper) -> int:
    if not timekeeper.known:
        return 0
    rows = db.execute(
        "SELECT id, time_ns, uptime_ns, boot, clock, data FROM waiting ORDER BY id LIMIT ?",
        (_SETTLED_AT_ONCE,),
    ).fetchall()
    if not rows:
        return 0
    if not all(timekeeper.can_date(boot) for _, _, _, boot, _, _ in rows):
        timekeeper.estimate(_boots_without_reference(db, timekeeper))
    dated, _ = _date(timekeeper, [row[1:] for row in rows])
    _record(db, dated)
    db.execute("DELETE FROM waiting WHERE id <= ?", (rows[-1][0],))
    return len(dated)


def _boots_without_reference(db: sqlite3.Connection, timekeeper: Timekeeper) -> list[BootRows]:
    """Return the last row of each such boot, in the boots' order. Reads all that waits: once in a boot."""
    last_rows = db.execute(
        "SELECT boot, time_ns, uptime_ns FROM"
        " (SELECT id, boot, time_ns, max(uptime_ns) AS uptime_ns FROM waiting GROUP BY boot) ORDER BY id"
    )
    return [BootRows(*row) for row in last_rows if not timekeeper.can_date(row[0])]


def _date(timekeeper: Timekeeper, rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows that have a time now, with it, and those that have none yet."""
    dated: list[Row] = []
    undated: list[Row] = []
    for row in rows:
        time_ns, uptime_ns, boot, state, data = row
        found = timekeeper.resolve(Stamp(time_ns, uptime_ns, boot, state))  # type: ignore[arg-type]
        if found is None:
            undated.append(row)
        else:
            dated.append((found.time_ns, uptime_ns, boot, found.clock, data))
    return dated, undated


def _record(db: sqlite3.Connection, rows: list[Row]) -> None:
    db.executemany("INSERT INTO record (time_ns, uptime_ns, boot, clock, data) VALUES (?, ?, ?, ?, ?)", rows)
