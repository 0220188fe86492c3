"""What the subcommands of `pantau-collector access` do."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import getpass
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from pantau_collector import i18n
from pantau_collector.access import people, tokens
from pantau_collector.access.book import Book
from pantau_collector.config import load
from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _
from pantau_collector.people import who

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

_DAY_S = 86_400
_MAX_DAYS = 3650


def add_token(arguments: argparse.Namespace) -> None:
    """Print a new token, alone, on standard output; what there is to know of it on standard error."""
    if not 1 <= arguments.days <= _MAX_DAYS:
        raise AccessError(_("--days must lie between 1 and {most}"), most=_MAX_DAYS)
    now = _now()
    ends_at = now + arguments.days * _DAY_S
    with _opened(arguments) as book:
        token = tokens.add(book, arguments.name, arguments.scope, ends_at=ends_at, who=who(), now=now)
    sys.stdout.write(token + "\n")
    sys.stdout.flush()
    _say(
        arguments,
        _(
            "This token is shown only now. It is valid until {ends}."
            " Programs send it as: Authorization: Bearer TOKEN"
        ),
        ends=_instant(ends_at),
    )


def revoke_token(arguments: argparse.Namespace) -> None:
    """Revoke a token."""
    with _opened(arguments) as book:
        tokens.revoke(book, arguments.name, who=who(), now=_now())
    _say(arguments, _("token {name} is revoked"), name=arguments.name)


def list_tokens(arguments: argparse.Namespace) -> None:
    """Print every token that ever was."""
    with _opened(arguments) as book:
        found = tokens.every(book)
    _print(arguments, found, ("id", "name", "scope", "created_at", "ends_at", "revoked_at", "last_used_at"))


def add_person(arguments: argparse.Namespace) -> None:
    """Make an account."""
    with _opened(arguments) as book:
        password = _password(arguments)
        people.add(book, arguments.name, arguments.scope, password, who=who(), now=_now())
    _say(arguments, _("{name} can log in now"), name=arguments.name)


def change_password(arguments: argparse.Namespace) -> None:
    """Replace a password."""
    with _opened(arguments) as book:
        password = _password(arguments)
        people.change_password(book, arguments.name, password, who=who(), now=_now())
    _say(arguments, _("{name} has a new password, and is logged out everywhere"), name=arguments.name)


def remove_person(arguments: argparse.Namespace) -> None:
    """Take an account away."""
    with _opened(arguments) as book:
        people.remove(book, arguments.name, who=who(), now=_now())
    _say(arguments, _("{name} cannot log in any more"), name=arguments.name)


def list_people(arguments: argparse.Namespace) -> None:
    """Print everybody."""
    with _opened(arguments) as book:
        found = people.every(book)
    _print(arguments, found, ("name", "scope", "created_at", "last_login_at", "session_count"))


def journal(arguments: argparse.Namespace) -> None:
    """Print the journal, oldest first."""
    with _opened(arguments) as book:
        entries = book.journal(max(1, arguments.newest))
    _print(arguments, entries[::-1], ("at", "who", "action", "subject"))


@contextlib.contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[Book]:
    with contextlib.closing(Book(load(arguments.config).web.access_path)) as book:
        yield book


def _password(arguments: argparse.Namespace) -> str:
    """Return a password from the prompt, typed twice, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(_said(arguments, _("Password of {name}: "), name=arguments.name))
    if getpass.getpass(_said(arguments, _("Once more: "))) != password:
        raise AccessError(_("the two passwords differ"))
    return password


def _print(arguments: argparse.Namespace, rows: Sequence[Any], columns: tuple[str, ...]) -> None:
    """Print one line a row: JSON, or the columns with tabs between."""
    for row in rows:
        shown = {
            name: _instant(value) if name.endswith("_at") or name == "at" else value
            for name, value in dataclasses.asdict(row).items()
        }
        line = json.dumps(shown) if arguments.json else "\t".join(_cell(shown[name]) for name in columns)
        sys.stdout.write(line + "\n")
    if not rows and not arguments.json:
        _say(arguments, _("there are none"))


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _say(arguments: argparse.Namespace, text: str, **values: object) -> None:
    sys.stderr.write(_said(arguments, text, **values) + "\n")


def _said(arguments: argparse.Namespace, text: str, **values: object) -> str:
    return i18n.Message(text, values).to(arguments.language)


def _instant(at: int | None) -> str | None:
    return None if at is None else dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds")


def _now() -> int:
    return int(time.time())
