"""What our own decoder refuses: kept durably with the reason, so that nothing is thrown away unseen.

A dead letter is always a whole envelope as it could be published again; a single bad record is wrapped
in its envelope's header. The same payload refused again is counted, not kept twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.errors import CollectorError, StoreUnavailableError

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
    payload BLOB NOT NULL
)
"""
_COLUMNS = "id, device, at_ns, last_at_ns, times, reason, detail, content_type, payload"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused payload. `device` is what the topic said, `at_ns` when it came."""

    device: str
    at_ns: int
    reason: str
    detail: str
    payload: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True)
class KeptLetter(DeadLetter):
    """A dead letter as it is kept: with its number, and how often and when last it came."""

    id: int
    last_at_ns: int
    times: int


class DeadLetters:
    """Dead letters in one SQLite file, for several processes. Thread-safe.

    They are few, so the file does without a WAL, which two processes cannot begin at the same time.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises `StoreUnavailableError`."""
        self._path = path
        self._lock = threading.Lock()
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, check_same_thread=False)
            try:
                self._db.execute("PRAGMA synchronous = EXTRA")  # durable in each journal mode
                self._db.execute(_SCHEMA)
            except sqlite3.Error:
                self._db.close()
                raise

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep letters; they are on the disk when this returns."""
        with self._errors(), self._lock, self._db:
            self._db.executemany(
                "INSERT INTO dead_letter (digest, device, at_ns, last_at_ns, times, reason, detail,"
                " content_type, payload) VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, ?6, ?7)"
                " ON CONFLICT (digest) DO UPDATE SET times = times + 1, last_at_ns = excluded.last_at_ns",
                [_row(letter) for letter in letters],
            )

    def count(self) -> int:
        """Return how many different letters are kept."""
        with self._errors(), self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM dead_letter").fetchone()
        return int(count)

    def numbers(self) -> list[int]:
        """Return the letters' numbers, in order of arrival."""
        with self._errors(), self._lock:
            return [number for (number,) in self._db.execute("SELECT id FROM dead_letter ORDER BY id")]

    def list(self, device: str | None = None) -> list[KeptLetter]:
        """Return the letters, or one device's, in order of arrival."""
        with self._errors(), self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM dead_letter WHERE ?1 IS NULL OR device = ?1 ORDER BY id",  # noqa: S608
                [device],
            ).fetchall()
        return [_letter(row) for row in rows]

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
        with self._errors(), self._lock, self._db:
            self._db.execute("DELETE FROM dead_letter WHERE id = ?", [number])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(f"{self._path}: {error}") from error


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
    )


def _letter(row: Sequence[object]) -> KeptLetter:
    names = [name.strip() for name in _COLUMNS.split(",")]
    return KeptLetter(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
