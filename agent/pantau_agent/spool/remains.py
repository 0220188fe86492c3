"""What a damaged spool still says of itself, so that what it held is named as dropped.

Its numbers stay used and its spool id known: all that it ever numbered is announced as dropped, and whoever
reads the deliveries takes away what had arrived before.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import structlog

from pantau_agent.spool import eras, file

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_MOST = 2**53  # a number beyond this is damage, too


class Remains(NamedTuple):
    """First numbers and ids of its eras, the last number ever given, and how many came to a good end."""

    eras: list[tuple[int, str]]
    last_seq: int
    stored_count: int
    rejected_count: int


def take_over(db: sqlite3.Connection, damaged: Path) -> None:
    """Go on in a new spool after the numbers of a damaged one, as far as it can still be read."""
    try:
        found = _read(damaged)
        if found.last_seq:
            with db:
                _go_on(db, found)
    except (sqlite3.Error, ValueError) as error:
        log.warning("spool.not_accounted_for", set_aside=str(damaged), error=str(error))


def _read(damaged: Path) -> Remains:
    with contextlib.closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as db:
        try:
            kept = db.execute("SELECT first_seq, spool_id FROM era ORDER BY first_seq").fetchall()
        except sqlite3.OperationalError:  # of a version that had none
            kept = db.execute("SELECT 1, value FROM meta WHERE name = 'spool_id'").fetchall()
        counts = dict(db.execute("SELECT name, value FROM counter"))
        last_seq = file.last_seq(db)
    if not kept or not 0 <= last_seq <= _MOST:
        raise ValueError("it does not say which numbers it gave")
    return Remains(kept, last_seq, int(counts.get("stored_count", 0)), int(counts.get("rejected_count", 0)))


def _go_on(db: sqlite3.Connection, found: Remains) -> None:
    file.use_seqs(db, found.last_seq)
    db.execute("DELETE FROM era")
    db.executemany("INSERT INTO era VALUES (?, ?)", found.eras)
    every = eras.Eras(db).split([(1, found.last_seq)])
    db.executemany("INSERT INTO dropped VALUES (?, ?, 'spool_damaged')", every)
    dropped_count = max(0, found.last_seq - found.stored_count - found.rejected_count)
    counts = zip(file.COUNTERS, (found.stored_count, found.rejected_count, dropped_count), strict=True)
    db.executemany("INSERT OR REPLACE INTO counter VALUES (?, ?)", counts)
    eras.begin(db, found.last_seq + 1)
    log.warning("spool.given_up", last_seq=found.last_seq, dropped_count=dropped_count)
