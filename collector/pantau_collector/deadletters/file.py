"""Dead letters in one SQLite file, for several processes."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from typing import TYPE_CHECKING

from pantau_collector.deadletters import rotation
from pantau_collector.deadletters.letters import DeadLetter, KeptLetter, Quota, Rotation, Tally
from pantau_collector.errors import CollectorError, StoreUnavailableError
from pantau_collector.storage import sqlitefile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    device TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    last_at_ns INTEGER NOT NULL,
    times INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    content_type TEXT,
    payload BLOB NOT NULL,
    account TEXT NOT NULL DEFAULT '',
    size_bytes INTEGER NOT NULL DEFAULT 0
)
"""
_FROM_THE_FIRST_VERSION = (
    "ALTER TABLE dead_letter ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE dead_letter ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0",
    """UPDATE dead_letter SET size_bytes = length(payload),
        account = CASE WHEN instr(device, '/') THEN '' ELSE device END""",
)
_INDEX = "CREATE INDEX IF NOT EXISTS by_account ON dead_letter (account, id, size_bytes)"
_COLUMNS = "id, device, at_ns, last_at_ns, times, reason, detail, content_type, payload"
_PAGE_LETTERS = 50


class DeadLetters:
    """Thread-safe. They are few, so the file does without a WAL."""

    def __init__(self, path: Path, quota: Quota | None = None) -> None:
        """Open or make the file; raises `StoreUnavailableError`."""
        self._path = path
        self._quota = quota or Quota()
        self._lock = threading.Lock()
        with self._errors(), contextlib.ExitStack() as stack:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = stack.enter_context(contextlib.closing(sqlitefile.connect(path)))
            self._db.execute("PRAGMA synchronous = EXTRA")  # durable in each journal mode
            with sqlitefile.transaction(self._db):
                _create_missing(self._db)
            stack.pop_all()  # all went well: it stays open

    def keep(self, letters: Sequence[DeadLetter]) -> list[Rotation]:
        """Keep letters; they are on the disk when this returns. Return what had to make room for them."""
        with self._errors(), self._lock, sqlitefile.transaction(self._db):
            (last_before,) = self._db.execute("SELECT coalesce(max(id), 0) FROM dead_letter").fetchone()
            self._db.executemany(
                "INSERT INTO dead_letter (digest, device, at_ns, last_at_ns, times, reason, detail,"
                " content_type, payload, account, size_bytes)"
                " VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9)"
                " ON CONFLICT (digest) DO UPDATE SET times = times + 1, last_at_ns = excluded.last_at_ns",
                [_row(letter) for letter in letters],
            )
            accounts = {letter.account for letter in letters}
            return rotation.make_room(self._db, self._quota, accounts, last_before)

    def count(self) -> int:
        """Return how many different letters are kept."""
        with self._errors(), self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM dead_letter").fetchone()
        return int(count)

    def used_bytes(self) -> int:
        """Return how much of the file is in use."""
        with self._errors(), self._lock:
            return rotation.used_bytes(self._db)

    def numbers(self) -> list[int]:
        """Return the letters' numbers, in order of arrival."""
        with self._errors(), self._lock:
            return [number for (number,) in self._db.execute("SELECT id FROM dead_letter ORDER BY id")]

    def list(self, device: str | None = None) -> Iterator[KeptLetter]:
        """Yield the letters, or one device's, in order of arrival; few of them are in memory at a time."""
        last = 0
        while page := self._page(device, after=last):
            yield from page
            last = page[-1].id

    def tallies(self, device: str | None = None) -> Sequence[Tally]:
        """Return what came, by device and reason, rotated letters included; where most came first."""
        with self._errors(), self._lock:
            return rotation.tallies(self._db, device)

    def get(self, number: int) -> KeptLetter:
        """Return one letter; raises `CollectorError` where there is none of that number."""
        with self._errors(), self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM dead_letter WHERE id = ?",  # noqa: S608 - our own names
                [number],
            ).fetchone()
        if row is None:
            raise CollectorError(f"there is no dead letter {number}; see: pantau-collector dead-letters list")
        return _letter(row)

    def discard(self, number: int) -> None:
        """Delete one letter for good."""
        self.get(number)
        with self._errors(), self._lock:
            self._db.execute("DELETE FROM dead_letter WHERE id = ?", [number])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _page(self, device: str | None, after: int) -> Sequence[KeptLetter]:
        with self._errors(), self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM dead_letter WHERE id > ?2 AND (?1 IS NULL OR device = ?1)"  # noqa: S608
                " ORDER BY id LIMIT ?3",
                [device, after, _PAGE_LETTERS],
            ).fetchall()
        return [_letter(row) for row in rows]

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(f"{self._path}: {error}") from error


def _create_missing(db: sqlite3.Connection) -> None:
    db.execute(_SCHEMA)
    if "account" not in {row[1] for row in db.execute("PRAGMA table_info(dead_letter)")}:
        for statement in _FROM_THE_FIRST_VERSION:
            db.execute(statement)
    db.execute(_INDEX)
    db.execute(rotation.SCHEMA)


def _row(letter: DeadLetter) -> tuple[str | int | bytes | None, ...]:
    digest = hashlib.sha256(letter.device.encode(errors="replace") + b"\0" + letter.payload).hexdigest()
    return (
        digest,
        letter.device,
        letter.at_ns,
        letter.reason,
        letter.detail,
        letter.content_type,
        letter.payload,
        letter.account,
        len(letter.payload),
    )


def _letter(row: Sequence[object]) -> KeptLetter:
    names = [name.strip() for name in _COLUMNS.split(",")]
    return KeptLetter(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
