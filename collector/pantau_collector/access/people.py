"""People and their passwords."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from pantau_collector.access import book as books
from pantau_collector.access import names, passwords
from pantau_collector.access.model import Person, Scope
from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from pantau_collector.access.book import Book

_UNKNOWN = _("there is no person {name}")


def add(book: Book, name: str, scope: Scope, password: str, *, who: str, now: int) -> None:
    """Give somebody an account. Raises `AccessError`."""
    names.check(name)
    passwords.check_strength(name, password)
    kept = passwords.hashed(password)
    try:
        with book.transaction() as db:
            db.execute(
                "INSERT INTO people (name, scope, password, created_at) VALUES (?, ?, ?, ?)",
                (name, scope, kept, now),
            )
            books.record(db, now, who, "person_added", name)
    except sqlite3.IntegrityError:
        raise AccessError(_("there is a person {name} already"), name=name) from None


def change_password(book: Book, name: str, password: str, *, who: str, now: int) -> None:
    """Replace a password and end the person's sessions. Raises `AccessError`."""
    passwords.check_strength(name, password)
    kept = passwords.hashed(password)
    with book.transaction() as db:
        if db.execute("UPDATE people SET password = ? WHERE name = ?", (kept, name)).rowcount == 0:
            raise AccessError(_UNKNOWN, name=name)
        db.execute("DELETE FROM sessions WHERE person = ?", (name,))
        books.record(db, now, who, "password_changed", name)


def remove(book: Book, name: str, *, who: str, now: int) -> None:
    """Take the account away, with its sessions. Raises `AccessError` where there is none."""
    with book.transaction() as db:
        if db.execute("DELETE FROM people WHERE name = ?", (name,)).rowcount == 0:
            raise AccessError(_UNKNOWN, name=name)
        db.execute("DELETE FROM sessions WHERE person = ?", (name,))
        books.record(db, now, who, "person_removed", name)


def end_sessions(book: Book, name: str, *, who: str, now: int) -> None:
    """Log somebody out everywhere. Raises `AccessError` where there is no such person."""
    with book.transaction() as db:
        if db.execute("SELECT 1 FROM people WHERE name = ?", (name,)).fetchone() is None:
            raise AccessError(_UNKNOWN, name=name)
        db.execute("DELETE FROM sessions WHERE person = ?", (name,))
        books.record(db, now, who, "sessions_ended", name)


def every(book: Book) -> list[Person]:
    """Return all people by name."""
    with book.changing() as db:
        rows = db.execute(
            "SELECT name, scope, created_at, last_login_at,"
            " (SELECT count(*) FROM sessions WHERE person = people.name) FROM people ORDER BY name"
        ).fetchall()
    return [Person(*row) for row in rows]


def password_is(book: Book, name: str, password: str) -> bool:
    """Tell whether somebody of this name has this password. Takes as long where there is nobody."""
    kept = None
    if book.exists():
        with book.changing() as db:
            row = db.execute("SELECT password FROM people WHERE name = ?", (name,)).fetchone()
        kept = row[0] if row else None
    return passwords.matches(password, kept)
