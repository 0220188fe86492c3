"""Under which spool id a record travels, and with which number.

In the file numbers go on for ever; on the wire each spool id counts from 1. A spool gets a new id when it
finds itself on another machine: what it holds is delivered under the old one, with the old numbers, and a
copy of it that is still at work elsewhere does no harm. An era is a spool id and the numbers given under it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import structlog
from msgspec import UNSET

from pantau_agent import machine
from pantau_wire.envelope import MAX_DROPPED_SPOOLS, Dropped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from pantau_wire.envelope import DropReason
    from pantau_wire.ranges import Range

log = structlog.get_logger()

SCHEMA = "CREATE TABLE era (first_seq INTEGER PRIMARY KEY, spool_id TEXT NOT NULL);"
_MARK = "machine-"
_LAST = 2**63 - 1


class Era(NamedTuple):
    """A spool id, and the first and last `seq` in this file that belong to it."""

    spool_id: str
    first_seq: int
    last_seq: int = _LAST


class Eras:
    """The eras of one spool, oldest first; the last is the present one."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Read them."""
        rows = db.execute("SELECT first_seq, spool_id FROM era ORDER BY first_seq").fetchall()
        ends = [first - 1 for first, _ in rows[1:]] + [_LAST]
        self._eras = [Era(spool_id, first, last) for (first, spool_id), last in zip(rows, ends, strict=True)]

    @property
    def present(self) -> Era:
        """The era of what is measured now."""
        return self._eras[-1]

    def of_seq(self, seq: int) -> Era:
        """Return the era of a record."""
        return next(era for era in reversed(self._eras) if era.first_seq <= seq)

    def of_spool(self, spool_id: str) -> Era | None:
        """Return what travels under a spool id, None where it is not one of this spool's."""
        return next((era for era in self._eras if era.spool_id == spool_id), None)

    def split(self, found: Iterable[Range]) -> list[Range]:
        """Return the same numbers as ranges of which each lies in one era."""
        pieces = [
            (max(first, era.first_seq), min(last, era.last_seq))
            for first, last in found
            for era in self._eras
        ]
        return [(first, last) for first, last in pieces if first <= last]

    def as_it_travels(self, first: int, last: int, reason: DropReason) -> Dropped:
        """Return a dropped range of one era as it is announced; of the present one without its spool."""
        era = self.of_seq(first)
        shift = era.first_seq - 1
        spool = UNSET if era is self.present else era.spool_id
        return Dropped(first_seq=first - shift, last_seq=last - shift, reason=reason, spool=spool)

    def as_it_is_kept(self, entry: Dropped) -> Range:
        """Return what `as_it_travels` made an announcement of."""
        era = self.of_spool(entry.spool or self.present.spool_id)
        assert era is not None
        shift = era.first_seq - 1
        return entry.first_seq + shift, entry.last_seq + shift


def few_spools(found: Iterable[Dropped]) -> list[Dropped]:
    """Return the first of the dropped ranges, of no more spools than an envelope may name."""
    spools: set[object] = set()
    taken: list[Dropped] = []
    for entry in found:
        spools.add(entry.spool)
        if len(spools) > MAX_DROPPED_SPOOLS:
            break
        taken.append(entry)
    return taken


def begin(db: sqlite3.Connection, first_seq: int, spool_id: str | None = None) -> str:
    """Let an era begin with this number, in the caller's transaction; return its spool id."""
    spool_id = spool_id or uuid.uuid4().hex
    db.execute("INSERT OR REPLACE INTO era VALUES (?, ?)", (first_seq, spool_id))
    db.execute("INSERT OR REPLACE INTO meta VALUES ('spool_id', ?)", (spool_id,))
    return spool_id


def bind(db: sqlite3.Connection, here: Mapping[str, str], next_seq: int) -> None:
    """Bind the spool to the machine with these marks; a new era begins where it was bound to another."""
    known = _known_marks(db)
    if known == here:
        return
    with db:
        if machine.is_another(known, here):
            former = Eras(db).present.spool_id
            log.warning("spool.on_another_machine", former=former, spool=begin(db, next_seq))
            known = {}
        db.execute("DELETE FROM meta WHERE name GLOB ?", (f"{_MARK}*",))
        marks = {**known, **here}.items()
        db.executemany("INSERT INTO meta VALUES (?, ?)", [(_MARK + source, mark) for source, mark in marks])


def _known_marks(db: sqlite3.Connection) -> dict[str, str]:
    rows = db.execute("SELECT name, value FROM meta WHERE name GLOB ?", (f"{_MARK}*",))
    return {name.removeprefix(_MARK): value for name, value in rows}
