"""Tokens of programs: shown once, kept as a hash, with an end."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from pantau_collector.access import book as books
from pantau_collector.access import keys, names
from pantau_collector.access.model import Scope, Token, Viewer
from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from pantau_collector.access.book import Book

_USE_STEP_S = 60  # how exactly the last use is known: a busy program must not write at each request


def add(book: Book, name: str, scope: Scope, *, ends_at: int, who: str, now: int) -> str:
    """Return a new token, which cannot be shown again. Raises `AccessError`."""
    names.check(name)
    key = keys.new(keys.PROGRAM_PREFIX)
    try:
        with book.transaction() as db:
            db.execute(
                "INSERT INTO tokens (id, name, scope, digest, created_at, ends_at) VALUES (?, ?, ?, ?, ?, ?)",
                (key.id, name, scope, key.digest, now, ends_at),
            )
            books.record(db, now, who, "token_added", name)
    except sqlite3.IntegrityError:
        raise AccessError(_("there is a token {name} already: revoke it first"), name=name) from None
    return key.text


def revoke(book: Book, name: str, *, who: str, now: int) -> None:
    """Let nobody in with it any more; `name` may be its id. Raises `AccessError` where there is none."""
    with book.transaction() as db:
        found = db.execute(
            "UPDATE tokens SET revoked_at = ? WHERE revoked_at IS NULL AND (name = ? OR id = ?)"
            " RETURNING name",
            (now, name, name),
        ).fetchone()
        if found is None:
            raise AccessError(_("there is no token {name}"), name=name)
        books.record(db, now, who, "token_revoked", found[0])


def every(book: Book) -> list[Token]:
    """Return all tokens that ever were, oldest first."""
    with book.changing() as db:
        rows = db.execute(
            "SELECT id, name, scope, created_at, ends_at, revoked_at, last_used_at FROM tokens ORDER BY rowid"
        ).fetchall()
    return [Token(*row) for row in rows]


def viewer(book: Book, text: str, now: int) -> Viewer | None:
    """Return who holds this token, or None where it opens nothing (any more). Notes the use."""
    if not book.exists():
        return None
    with book.changing() as db:
        row = db.execute(
            "SELECT digest, id, name, scope, created_at, ends_at, revoked_at, last_used_at"
            " FROM tokens WHERE id = ?",
            (keys.id_of(text, keys.PROGRAM_PREFIX),),
        ).fetchone()
        if row is None or not keys.matches(text, row[0], keys.PROGRAM_PREFIX):
            return None
        token = Token(*row[1:])
        if not token.valid_at(now):
            return None
        if token.last_used_at is None or now - token.last_used_at >= _USE_STEP_S:
            db.execute("UPDATE tokens SET last_used_at = ? WHERE id = ?", (now, token.id))
    return Viewer("token", token.name, token.scope)
