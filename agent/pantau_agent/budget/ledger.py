"""The file of what was used, `budget.db` beside the spool: increments, so that several processes may write.

Bytes are kept by calendar month and purpose. The month is the newest that a trusted clock ever named: with a
clock that nobody vouches for, bytes go to the newest month known, and a month never goes back. Bytes from
before the first known month move into it.

A reservation is the bytes that a test may use, counted from before it starts until it has ended. One whose
process is gone was cut off in the middle, and stays used.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, NamedTuple

import psutil

from pantau_agent import sqlitefile
from pantau_agent.budget.months import UNDATED
from pantau_agent.clock import boot_id
from pantau_agent.errors import BudgetError
from pantau_agent.i18n import _
from pantau_agent.probes.base import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS month (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used (
    month TEXT NOT NULL, purpose TEXT NOT NULL,
    rx_bytes INTEGER NOT NULL, tx_bytes INTEGER NOT NULL,
    PRIMARY KEY (month, purpose)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reserved (
    job TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL,
    month TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (job, boot, pid)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS expected (job TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken (
    number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, run TEXT NOT NULL, UNIQUE (job, run)
);
"""
_TAKEN_KEPT = 500
_DURABLE, _QUICK = "FULL", "NORMAL"


class Bytes(NamedTuple):
    """Bytes each way."""

    rx_bytes: int
    tx_bytes: int

    @property
    def both(self) -> int:
        """Both directions together."""
        return self.rx_bytes + self.tx_bytes

    def plus(self, other: Bytes) -> Bytes:
        """Return the sum of each way."""
        return Bytes(self.rx_bytes + other.rx_bytes, self.tx_bytes + other.tx_bytes)


class Standing(NamedTuple):
    """How the month stands: what counts for the budget, reservations included."""

    month: str
    used_bytes: int


Account = dict[str, dict[str, Bytes]]
"""By month, then by purpose."""


class Ledger:
    """The open file. Safe to use from threads and from several processes; methods block on the disk.

    All raise `BudgetError` where the disk refuses, and have done nothing then.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; a damaged one is put aside."""
        self._path = path
        self._lock = threading.Lock()
        self._owner = (boot_id(), os.getpid())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlitefile.open_or_set_aside(path, "budget", _prepare)
        except (OSError, sqlite3.Error) as error:
            raise BudgetError(f"cannot open {path}: {error}") from None
        with self._transaction(_DURABLE) as db:
            _use_up_abandoned(db, self._owner)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def book(self, month: str | None, used: Mapping[str, Bytes]) -> Standing:
        """Add what was used, by purpose, in a month that a trusted clock names; None: nobody knows it."""
        with self._transaction(_QUICK) as db:
            current = _open_month(db, month)
            _add(db, current, used)
            return _standing(db, current)

    def reserve(self, month: str | None, job: str, purpose: str, reserved_bytes: int) -> Standing:
        """Set aside what a run may use, durably, until `settle`."""
        with self._transaction(_DURABLE) as db:
            current = _open_month(db, month)
            values = (job, *self._owner, current, purpose, reserved_bytes)
            db.execute("INSERT OR REPLACE INTO reserved VALUES (?, ?, ?, ?, ?, ?)", values)
            return _standing(db, current)

    def settle(self, month: str | None, job: str, used: Mapping[str, Bytes], cost_bytes: int) -> Standing:
        """Replace a run's reservation by what was used, and learn from what it cost."""
        with self._transaction(_DURABLE) as db:
            current = _open_month(db, month)
            db.execute("DELETE FROM reserved WHERE (job, boot, pid) = (?, ?, ?)", (job, *self._owner))
            _add(db, current, used)
            known = db.execute("SELECT bytes FROM expected WHERE job = ?", (job,)).fetchone()
            expected_bytes = max(cost_bytes, (known[0] + cost_bytes) // 2) if known else cost_bytes
            db.execute("INSERT OR REPLACE INTO expected VALUES (?, ?)", (job, expected_bytes))
            return _standing(db, current)

    def expected_bytes(self, job: str) -> int | None:
        """Return what the next run may cost: the most of late; a cheaper one halves the difference."""
        with self._transaction(_QUICK) as db:
            found = db.execute("SELECT bytes FROM expected WHERE job = ?", (job,)).fetchone()
        return int(found[0]) if found else None

    def take(self, job: str, run: str) -> None:
        """Remember durably that a run was taken."""
        with self._transaction(_DURABLE) as db:
            db.execute("INSERT OR IGNORE INTO taken (job, run) VALUES (?, ?)", (job, run))
            db.execute(
                "DELETE FROM taken WHERE job = ? AND number <= (SELECT max(number) FROM taken) - ?",
                (job, _TAKEN_KEPT),
            )

    def taken(self) -> list[tuple[str, str]]:
        """Return the jobs' runs that are remembered, the oldest first."""
        with self._transaction(_QUICK) as db:
            return db.execute("SELECT job, run FROM taken ORDER BY number").fetchall()

    @contextlib.contextmanager
    def _transaction(self, synchronous: str) -> Iterator[sqlite3.Connection]:
        """Do all of it or nothing, against other processes too.

        What is only `_QUICK` is durable with the next that is not, or after a while; a power cut costs the
        last minutes' small change then, and spares the card.
        """
        with self._lock:
            try:
                self._db.execute(f"PRAGMA synchronous = {synchronous}")
                self._db.execute("BEGIN IMMEDIATE")
                with self._db:
                    yield self._db
            except sqlite3.Error as error:
                raise BudgetError(f"cannot use {self._path}: {error}") from None


def read(path: Path) -> tuple[Account, int]:
    """Return what is used, and the bytes reserved, of a file that an agent may be using.

    Raises `BudgetError` where there is none.
    """
    if not path.exists():
        text = _("nothing was counted yet: there is no {path}; the agent makes it when it runs")
        raise BudgetError(text.format(path=path))
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            months = db.execute("SELECT name FROM month").fetchall()
            rows = db.execute("SELECT month, purpose, rx_bytes, tx_bytes FROM used").fetchall()
            (reserved_bytes,) = db.execute("SELECT coalesce(sum(bytes), 0) FROM reserved").fetchone()
    except sqlite3.Error as error:
        raise BudgetError(f"cannot use {path}: {error}") from None
    account: Account = {name: {} for (name,) in months}
    for month, purpose, rx_bytes, tx_bytes in rows:
        account.setdefault(month, {})[purpose] = Bytes(rx_bytes, tx_bytes)
    return account, int(reserved_bytes)


def counted(used: Mapping[str, Bytes]) -> int:
    """Return what of the purposes counts for the budget: all that leaves the village's own network."""
    return sum(entry.both for purpose, entry in used.items() if purpose != LOCAL)


def _prepare(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
        db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")


def _open_month(db: sqlite3.Connection, named: str | None) -> str:
    """Return the month to book to; the first that a trusted clock names takes over what was undated."""
    (newest,) = db.execute("SELECT max(name) FROM month").fetchone()
    known = newest or UNDATED
    month = max(named or UNDATED, known)
    if month != known:
        db.execute("INSERT INTO month VALUES (?)", (month,))
    if known == UNDATED != month:
        db.execute("UPDATE used SET month = ?", (month,))
        db.execute("UPDATE reserved SET month = ?", (month,))
    return month


def _add(db: sqlite3.Connection, month: str, used: Mapping[str, Bytes]) -> None:
    db.executemany(
        "INSERT INTO used VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET rx_bytes = rx_bytes + excluded.rx_bytes, tx_bytes = tx_bytes + excluded.tx_bytes",
        [(month, purpose, *entry) for purpose, entry in used.items()],
    )


def _standing(db: sqlite3.Connection, month: str) -> Standing:
    (used_bytes,) = db.execute(
        "SELECT coalesce(sum(rx_bytes + tx_bytes), 0) FROM used WHERE month = ? AND purpose != ?",
        (month, LOCAL),
    ).fetchone()
    (reserved_bytes,) = db.execute("SELECT coalesce(sum(bytes), 0) FROM reserved").fetchone()
    return Standing(month, used_bytes + reserved_bytes)


def _use_up_abandoned(db: sqlite3.Connection, owner: tuple[str, int]) -> None:
    """Count as used what was reserved by processes that are gone; nobody tells which way it went."""
    boot, own_pid = owner
    for row in db.execute("SELECT boot, pid, month, purpose, bytes FROM reserved").fetchall():
        found_boot, pid, month, purpose, reserved_bytes = row
        if found_boot != boot or pid == own_pid or not psutil.pid_exists(pid):
            half_bytes = reserved_bytes // 2
            _add(db, month, {purpose: Bytes(half_bytes, reserved_bytes - half_bytes)})
            db.execute("DELETE FROM reserved WHERE (boot, pid) = (?, ?)", (found_boot, pid))
