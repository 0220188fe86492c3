"""The spool: every measurement, on disk, until the database has it.

`put` is cheap and keeps records in memory; `commit` writes them, and what acks allowed to delete, in
one transaction, so that an SD card is written once a minute. A record gets its `seq` when it is
committed, from SQLite's AUTOINCREMENT: never used twice. Only committed records are published.

With `synchronous=FULL` a committed record survives a power cut.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import structlog

from pantau_agent.errors import SpoolError
from pantau_agent.filelock import lock_file
from pantau_wire import ranges
from pantau_wire.envelope import Dropped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pantau_agent.clock import Stamp
    from pantau_wire.ranges import Range

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
_EVICT_SHARE = 20  # a full spool gives up a twentieth of its records at a time
_UNCOMMITTED_LIMIT = 50_000


class SpooledRecord(NamedTuple):
    """A committed record; `data` is the measurement's JSON, frozen."""

    seq: int
    time_ns: int
    uptime_ns: int
    boot: str
    clock: str
    data: bytes


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


class Spool:
    """A spool in one SQLite file, used by one agent at a time. Safe to use from threads."""

    def __init__(self, path: Path, *, max_bytes: int, max_age_s: float = 60 * 86_400) -> None:
        """Open or make the spool; raises `SpoolError` where that is impossible or it is in use."""
        self.path = path
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._mutex = threading.RLock()
        self._uncommitted: list[tuple[int, int, str, str, bytes]] = []
        self._deletions: list[Range] = []
        self._counts: dict[str, int] = {}
        with contextlib.ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock_file(path.with_suffix(".lock")))
            except OSError as error:
                raise SpoolError(f"cannot write {path.parent}: {error.strerror}") from None
            self._db = _open_or_set_aside(path)
            self._stack = stack.pop_all()
        self.spool_id = self._meta("spool_id")

    def put(self, stamp: Stamp, data: bytes) -> None:
        """Take a measurement's JSON; `commit` makes it last."""
        with self._mutex:
            if len(self._uncommitted) >= _UNCOMMITTED_LIMIT:  # the disk has refused for days
                self._uncommitted.pop(0)
                self._count("dropped_count", 1)
            self._uncommitted.append((stamp.time_ns, stamp.uptime_ns, stamp.boot, stamp.clock, data))

    def commit(self) -> int:
        """Write what was put and delete what was acked, durably; return how many records were put.

        Raises `SpoolError` where the disk refuses; nothing is forgotten then, and a later call tries again.
        """
        with self._mutex:
            if not (self._uncommitted or self._deletions or self._counts):
                return 0
            try:
                with self._db:
                    self._delete_acked()
                    self._make_room()
                    self._insert()
                    self._write_counts()
            except sqlite3.Error as error:
                raise SpoolError(f"cannot write {self.path}: {error}") from None
            count = len(self._uncommitted)
            self._uncommitted.clear()
            self._deletions.clear()
            self._counts.clear()
            return count

    def peek(self, first_seq: int, last_seq: int, limit: int) -> list[SpooledRecord]:
        """Return committed records of one boot from a range of `seq`, oldest first."""
        with self._mutex:
            rows = self._db.execute(
                "SELECT seq, time_ns, uptime_ns, boot, clock, data FROM record"
                " WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
                (first_seq, last_seq, limit),
            ).fetchall()
            records = [SpooledRecord(*row) for row in rows if not self._is_acked(row[0])]
        return [record for record in records if record.boot == records[0].boot]

    def ack(self, acked: Iterable[Range]) -> None:
        """Let go of records that the database has. They leave the file at the next `commit`."""
        with self._mutex:
            for first, last in acked:
                self._count("stored_count", self._delete_later(first, last))

    def reject(self, seqs: Iterable[int]) -> None:
        """Let go of records that the collector refuses for ever, and count them."""
        with self._mutex:
            for seq in seqs:
                self._count("rejected_count", self._delete_later(seq, seq))

    def extent(self) -> Range | None:
        """Return the lowest and highest committed `seq` still here, None when empty."""
        with self._mutex:
            first, last = self._db.execute("SELECT min(seq), max(seq) FROM record").fetchone()
        return None if first is None else (first, last)

    def dropped(self, limit: int = 100) -> list[Dropped]:
        """Return ranges given up that the collector has not confirmed yet, oldest first."""
        with self._mutex:
            rows = self._db.execute(
                "SELECT first_seq, last_seq, reason FROM dropped ORDER BY first_seq LIMIT ?", (limit,)
            ).fetchall()
        return [Dropped(first_seq=first, last_seq=last, reason=reason) for first, last, reason in rows]

    def forget_dropped(self, dropped: Iterable[Dropped]) -> None:
        """Forget dropped ranges that the collector has confirmed; their count stays."""
        with self._mutex, self._db:
            self._db.executemany(
                "DELETE FROM dropped WHERE first_seq = ? AND last_seq = ?",
                [(entry.first_seq, entry.last_seq) for entry in dropped],
            )

    def state(self) -> SpoolState:
        """Return counts and size."""
        with self._mutex:
            return _state(self._db, self._counts, self._deletions)

    def close(self) -> None:
        """Commit what is left and let go of the file."""
        with self._mutex:
            try:
                self.commit()
            finally:
                self._db.close()
                self._stack.close()

    def _meta(self, name: str) -> str:
        return str(self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0])

    def _is_acked(self, seq: int) -> bool:
        return any(first <= seq <= last for first, last in self._deletions)

    def _delete_later(self, first: int, last: int) -> int:
        rows = self._db.execute("SELECT seq FROM record WHERE seq BETWEEN ? AND ?", (first, last)).fetchall()
        count = sum(1 for (seq,) in rows if not self._is_acked(seq))
        if count:
            self._deletions = ranges.merge([*self._deletions, (first, last)])
        return count

    def _count(self, name: str, add: int) -> None:
        if add:
            self._counts[name] = self._counts.get(name, 0) + add

    def _delete_acked(self) -> None:
        self._db.executemany("DELETE FROM record WHERE seq BETWEEN ? AND ?", self._deletions)

    def _insert(self) -> None:
        self._db.executemany(
            "INSERT INTO record (time_ns, uptime_ns, boot, clock, data) VALUES (?, ?, ?, ?, ?)",
            self._uncommitted,
        )

    def _write_counts(self) -> None:
        self._db.executemany(
            "INSERT INTO counter VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            self._counts.items(),
        )

    def _make_room(self) -> None:
        """Give up the oldest records when the spool is over its size or they are over age."""
        if _used_bytes(self._db) > self._max_bytes:
            (depth,) = self._db.execute("SELECT count(*) FROM record").fetchone()
            self._drop(
                "SELECT seq FROM record ORDER BY seq LIMIT ?", (max(1, depth // _EVICT_SHARE),), "spool_full"
            )
        oldest_ns = time.time_ns() - int(self._max_age_s * 1e9)
        self._drop(
            "SELECT seq FROM record WHERE time_ns < ? AND clock = 'synced'", (oldest_ns,), "spool_full"
        )

    def _drop(self, select: str, args: tuple[int, ...], reason: str) -> None:
        seqs = [seq for (seq,) in self._db.execute(select, args)]
        if not seqs:
            return
        self._db.executemany("DELETE FROM record WHERE seq = ?", [(seq,) for seq in seqs])
        for first, last in ranges.from_numbers(seqs):
            self._db.execute("INSERT INTO dropped VALUES (?, ?, ?)", (first, last, reason))
        self._count("dropped_count", len(seqs))
        log.warning("spool.dropped", first_seq=seqs[0], last_seq=seqs[-1], dropped_count=len(seqs))


def read_state(path: Path) -> SpoolState:
    """Return the state of a spool that an agent may be using; raises `SpoolError` where there is none."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return _state(db, {}, [])
    except sqlite3.Error as error:
        raise SpoolError(f"cannot read {path}: {error}") from None


def _state(db: sqlite3.Connection, counts: dict[str, int], deletions: list[Range]) -> SpoolState:
    stored = dict(db.execute("SELECT name, value FROM counter"))
    (depth,) = db.execute("SELECT count(*) FROM record").fetchone()
    for first, last in deletions:
        (acked,) = db.execute(
            "SELECT count(*) FROM record WHERE seq BETWEEN ? AND ?", (first, last)
        ).fetchone()
        depth -= acked
    last_seq = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
    totals = {
        name: stored.get(name, 0) + counts.get(name, 0)
        for name in ("stored_count", "rejected_count", "dropped_count")
    }
    (spool_id,) = db.execute("SELECT value FROM meta WHERE name = 'spool_id'").fetchone()
    return SpoolState(spool_id, depth, _used_bytes(db), last_seq[0] if last_seq else 0, **totals)


def _used_bytes(db: sqlite3.Connection) -> int:
    pages, free, size = (
        db.execute(f"PRAGMA {pragma}").fetchone()[0]
        for pragma in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _open_or_set_aside(path: Path) -> sqlite3.Connection:
    """Open the file, or put a damaged one aside under another name and begin anew."""
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # cannot open, disk full: not damage
            raise SpoolError(f"cannot open {path}: {error}") from None
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        log.warning("spool.damaged", error=str(error), set_aside=str(aside))
        return _open(path)


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
