"""What the agent uses of the spool. Not a queue that forgets: what is taken out stays until it is acked.

`put` is cheap and keeps records in memory; `commit` writes them, and what acks allowed to delete, in
one transaction, so that an SD card is written once a minute. A record gets its time and its `seq` when
it is committed, or later, when the time is known: the `seq` from SQLite's AUTOINCREMENT, never used
twice. Only records with a `seq` are published, and their time never changes again.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.errors import SpoolError
from pantau_agent.filelock import is_locked, lock_file
from pantau_agent.spool import eras, file, remains, room, settling
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pantau_agent.clock import Stamp
    from pantau_agent.spool.eras import Eras
    from pantau_agent.spool.file import SpoolState
    from pantau_agent.spool.settling import Row
    from pantau_wire.envelope import Dropped, DropReason
    from pantau_wire.ranges import Range

_UNCOMMITTED_LIMIT = 50_000


class SpooledRecord(NamedTuple):
    """A committed record; its time and `data`, the measurement's JSON, are frozen."""

    seq: int
    time_ns: int
    uptime_ns: int
    boot: str
    clock: str
    data: bytes


class Spool:
    """A spool in one SQLite file, used by one agent at a time. Safe to use from threads.

    `put`, `state` and `last_seq` never wait for the disk, so an event loop may call them; all else does.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        max_age_s: float = 60 * 86_400,
        timekeeper: Timekeeper | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        """Open or make the spool; raises `SpoolError` where that is impossible or it is in use.

        `marks` identify the machine (see `machine`); without them the spool is bound to none.
        """
        self.path = path
        self._timekeeper = timekeeper or Timekeeper()
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._memory = threading.Lock()  # guards what waits in memory; held for moments
        self._disk = threading.RLock()  # guards the database; held while the disk works
        self._uncommitted: list[Row] = []
        self._deletions: list[Range] = []
        self._confirmed: set[Range] = set()
        with contextlib.ExitStack() as stack:
            _hold(path, stack)
            self._db = stack.enter_context(
                contextlib.closing(file.open_or_set_aside(path, remains.take_over))
            )
            file.state_of(self._db, path)  # else it is no spool
            self.eras = self._bound(marks or {})
            self._state = self._saved = file.state_of(self._db, path)
            settling.load_references(self._db, self._timekeeper)
            self._stack = stack.pop_all()
        self.spool_id = self._state.spool_id

    @property
    def last_seq(self) -> int:
        """The highest `seq` ever given, 0 before the first."""
        return self._state.last_seq

    def put(self, stamp: Stamp, data: bytes) -> None:
        """Take a measurement's JSON; `commit` makes it last."""
        self._timekeeper.observe(stamp)
        with self._memory:
            self._uncommitted.append((stamp.time_ns, stamp.uptime_ns, stamp.boot, stamp.clock, data))
            self._bound_memory()

    def commit(self) -> int:
        """Write what was put and delete what was acked, durably; return how many records got their `seq`.

        Raises `SpoolError` where the disk refuses; nothing is forgotten then, and a later call tries again.
        """
        with self._using_disk():
            with self._memory:
                batch, self._uncommitted = self._uncommitted, []
            try:
                return self._write(batch)
            except BaseException:
                with self._memory:
                    self._uncommitted[:0] = batch
                    self._bound_memory()
                raise

    def peek(self, first_seq: int, last_seq: int, limit: int) -> list[SpooledRecord]:
        """Return the first committed records of a range of `seq`, as long as they are of one boot and era."""
        records: list[SpooledRecord] = []
        with self._using_disk():
            for first, last in ranges.subtract([(first_seq, last_seq)], self._deletions):
                rows = self._db.execute(
                    "SELECT seq, time_ns, uptime_ns, boot, clock, data FROM record"
                    " WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
                    (first, last, limit - len(records)),
                ).fetchall()
                records += [SpooledRecord(*row) for row in rows]
                if len(records) >= limit:
                    break
        if not records:
            return records
        boot, last = records[0].boot, self.eras.of_seq(records[0].seq).last_seq
        return list(itertools.takewhile(lambda one: one.boot == boot and one.seq <= last, records))

    def ack(self, acked: Iterable[Range]) -> None:
        """Let go of records that the database has. They leave the file at the next `commit`."""
        with self._using_disk():
            for first, last in acked:
                self._delete_later(first, last, "stored_count")

    def reject(self, seqs: Iterable[int]) -> None:
        """Let go of records that the collector refuses for ever, and count them."""
        with self._using_disk():
            for seq in seqs:
                self._delete_later(seq, seq, "rejected_count")

    def give_up(self, seqs: list[int], reason: DropReason) -> None:
        """Drop records that can never be delivered; counted and announced like all that is dropped."""
        with self._using_disk():
            with self._db:
                dropped = room.drop(self._db, seqs, reason)
                self._save_counts(dropped)
            self._change(depth_count=-dropped, dropped_count=dropped)

    def extent(self) -> Range | None:
        """Return the lowest and highest committed `seq` still here, None when empty."""
        with self._using_disk():
            first, last = self._db.execute(  # min and max in one SELECT would read the whole table
                "SELECT (SELECT min(seq) FROM record), (SELECT max(seq) FROM record)"
            ).fetchone()
        return None if first is None else (first, last)

    def dropped(self, limit: int = 100) -> list[Dropped]:
        """Return ranges given up that the collector has not confirmed yet, oldest first, as they travel."""
        with self._using_disk():
            rows = self._db.execute(
                "SELECT first_seq, last_seq, reason FROM dropped ORDER BY first_seq LIMIT ?",
                (limit + len(self._confirmed),),
            ).fetchall()
            waiting = [row for row in rows if row[:2] not in self._confirmed][:limit]
        return eras.few_spools(self.eras.as_it_travels(*row) for row in waiting)

    def forget_dropped(self, dropped: Iterable[Dropped]) -> None:
        """Forget dropped ranges that the collector has confirmed; their count stays."""
        with self._disk:
            self._confirmed.update(map(self.eras.as_it_is_kept, dropped))

    def state(self) -> SpoolState:
        """Return counts, and the size as of the last commit."""
        with self._memory:
            return self._state

    def close(self) -> None:
        """Commit what is left and let go of the file."""
        with self._disk, self._stack:
            self.commit()

    def _bound(self, marks: Mapping[str, str]) -> Eras:
        """Bind the spool to this machine; return its eras."""
        try:
            if marks:
                eras.bind(self._db, marks, file.last_seq(self._db) + 1)
            return eras.Eras(self._db)
        except sqlite3.Error as error:
            raise file.spool_error(self.path, error) from None

    @contextlib.contextmanager
    def _using_disk(self) -> Iterator[None]:
        """Hold the database; what SQLite raises becomes a `SpoolError`."""
        with self._disk:
            try:
                yield
            except sqlite3.Error as error:
                raise file.spool_error(self.path, error) from None

    def _change(self, **add: int) -> None:
        with self._memory:
            self._state = _plus(self._state, **add)

    def _bound_memory(self) -> None:
        """Let go of the oldest that waits for a disk which has refused for days, and count it."""
        excess = len(self._uncommitted) - _UNCOMMITTED_LIMIT
        if excess > 0:
            del self._uncommitted[:excess]
            self._state = _plus(self._state, dropped_count=excess)

    def _delete_later(self, first: int, last: int, counter: str) -> None:
        """Note for deletion what of a range is committed, here, and not noted yet."""
        last = min(last, self.last_seq)
        for piece in ranges.subtract([(first, last)], self._deletions) if first <= last else []:
            (count,) = self._db.execute(
                "SELECT count(*) FROM record WHERE seq BETWEEN ? AND ?", piece
            ).fetchone()
            if count:
                self._deletions = ranges.merge([*self._deletions, piece])
                self._change(**{"depth_count": -count, counter: count})

    def _write(self, batch: list[Row]) -> int:
        """Do all that is due in one transaction; return how many records got their `seq`."""
        self._timekeeper.observe(self._timekeeper.read())
        before = self.state()
        if not batch and not self._is_due(before):
            return 0
        with self._db:
            self._db.executemany("DELETE FROM record WHERE seq BETWEEN ? AND ?", self._deletions)
            self._db.executemany("DELETE FROM dropped WHERE (first_seq, last_seq) = (?, ?)", self._confirmed)
            dropped, dropped_waiting = self._make_room(before.depth_count)
            settled = settling.settle(self._db, self._timekeeper, batch)
            settling.save_references(self._db, self._timekeeper)
            self._save_counts(dropped + dropped_waiting)
            grown_bytes = file.used_bytes(self._db) - before.size_bytes
            grown_seq = file.last_seq(self._db) - before.last_seq
        self._deletions.clear()
        self._confirmed.clear()
        added = {
            "depth_count": len(batch) - dropped - dropped_waiting,
            "waiting_count": len(batch) - settled - dropped_waiting,
            "dropped_count": dropped + dropped_waiting,
            "size_bytes": grown_bytes,
            "last_seq": grown_seq,
        }
        self._change(**added)
        self._saved = _plus(before, **added)
        return settled

    def _is_due(self, state: SpoolState) -> bool:
        """Tell whether there is something to write besides new records."""
        settles = bool(state.waiting_count) and self._timekeeper.known
        return settles or bool(self._deletions) or bool(self._confirmed) or state != self._saved

    def _save_counts(self, dropped: int) -> None:
        state = _plus(self.state(), dropped_count=dropped)
        self._db.executemany(
            "INSERT OR REPLACE INTO counter VALUES (?, ?)",
            [(name, getattr(state, name)) for name in file.COUNTERS],
        )

    def _make_room(self, depth_count: int) -> tuple[int, int]:
        """Drop what is too much or too old; return how many records, and how many that waited for a time."""
        now = self._timekeeper.now()
        oldest_ns = None if now is None else now.time_ns - int(self._max_age_s * 1e9)
        share = room.share_to_drop(self._db, self._max_bytes, depth_count)
        dropped = room.drop_oldest(self._db, share, oldest_ns)
        return dropped, room.drop_waiting(self._db, max(0, share - dropped))


def in_use(path: Path) -> bool:
    """Tell whether an agent holds the spool at this moment; makes no file."""
    return is_locked(_lock_of(path))


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _hold(path: Path, stack: contextlib.ExitStack) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(lock_file(_lock_of(path)))
    except OSError as error:
        raise SpoolError(f"cannot write {path.parent}: {error.strerror}") from None


def _plus(state: SpoolState, **add: int) -> SpoolState:
    return replace(state, **{name: getattr(state, name) + value for name, value in add.items()})
