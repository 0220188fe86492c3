"""Sessions of browsers: random, kept as a hash, ended when unused for a while, and after some hours."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.access import book as books
from pantau_collector.access import keys
from pantau_collector.access.model import Viewer

if TYPE_CHECKING:
    from pantau_collector.access.book import Book

_SEEN_STEP_S = 60
_MAX_PER_PERSON = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives: unused, and at all, in seconds."""

    idle_s: float
    max_s: float


def form_token(cookie: str) -> str:
    """Return what a form must carry to show that it is our own: only who has the cookie can know it."""
    return hmac.new(cookie.encode(errors="replace"), b"pantau form", hashlib.sha256).hexdigest()


def form_token_matches(cookie: str | None, given: str) -> bool:
    """Tell in constant time whether a form belongs to the cookie that came with it."""
    return bool(cookie) and hmac.compare_digest(form_token(cookie or "").encode(), given.encode())


def start(book: Book, person: str, limits: Limits, *, now: int) -> str:
    """Return the cookie of a new session; ended ones are swept out, and a person's oldest beyond 20."""
    key = keys.new()
    with book.transaction() as db:
        db.execute(
            "DELETE FROM sessions WHERE created_at <= ? OR seen_at <= ?",
            (now - limits.max_s, now - limits.idle_s),
        )
        db.execute(
            "INSERT INTO sessions (id, digest, person, created_at, seen_at) VALUES (?, ?, ?, ?, ?)",
            (key.id, key.digest, person, now, now),
        )
        db.execute(
            "DELETE FROM sessions WHERE person = ? AND rowid NOT IN"
            " (SELECT rowid FROM sessions WHERE person = ? ORDER BY rowid DESC LIMIT ?)",
            (person, person, _MAX_PER_PERSON),
        )
        db.execute("UPDATE people SET last_login_at = ? WHERE name = ?", (now, person))
        books.record(db, now, person, "logged_in", person)
    return key.text


def viewer(book: Book, cookie: str, limits: Limits, *, now: int, by_hand: bool) -> Viewer | None:
    """Return whose session this is, or None. Only what somebody does `by_hand` keeps it from ending."""
    if not book.exists():
        return None
    with book.changing() as db:
        row = db.execute(
            "SELECT digest, person, scope, sessions.created_at, seen_at"
            " FROM sessions JOIN people ON name = person WHERE id = ?",
            (keys.id_of(cookie),),
        ).fetchone()
        if row is None or not keys.matches(cookie, row[0]):
            return None
        _digest, person, scope, created_at, seen_at = row
        if now - created_at >= limits.max_s or now - seen_at >= limits.idle_s:
            return None
        if by_hand and now - seen_at >= min(_SEEN_STEP_S, limits.idle_s / 2):
            db.execute("UPDATE sessions SET seen_at = ? WHERE id = ?", (now, keys.id_of(cookie)))
    return Viewer("person", person, scope, form_token(cookie))


def end(book: Book, cookie: str, *, now: int) -> None:
    """End one session, if it is one."""
    with book.transaction() as db:
        row = db.execute("SELECT digest, person FROM sessions WHERE id = ?", (keys.id_of(cookie),)).fetchone()
        if row is not None and keys.matches(cookie, row[0]):
            db.execute("DELETE FROM sessions WHERE id = ?", (keys.id_of(cookie),))
            books.record(db, now, row[1], "logged_out", row[1])
