"""The parser of `pantau-collector access`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.access.model import SCOPES
from pantau_collector.errors import AccessError

if TYPE_CHECKING:
    import argparse

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

_DAYS = 365


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `token`, `person` and `journal`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_token(_group(commands, "token", "what programs show: add, list, revoke"))
    _add_person(_group(commands, "person", "who may log in: add, passwd, remove, list"))
    journal = _command(commands, "journal", "who did what to accounts, and who logged in", "journal")
    journal.add_argument(
        "--newest", type=int, default=100, metavar="N", help="so many entries (default: 100)"
    )
    journal.add_argument("--json", action="store_true")


def _add_token(commands: Parsers) -> None:
    add = _command(commands, "add", "make a token; it is printed once and never again", "add_token")
    add.add_argument("name", help="which program, such as dashboard-ministry")
    add.add_argument("--scope", choices=SCOPES, required=True)
    add.add_argument(
        "--days", type=int, default=_DAYS, metavar="N", help=f"how long it is valid (default: {_DAYS})"
    )
    revoke = _command(commands, "revoke", "let nobody in with it any more", "revoke_token")
    revoke.add_argument("name", help="the token's name or id")
    _command(commands, "list", "all tokens, also ended ones", "list_tokens").add_argument(
        "--json", action="store_true"
    )


def _add_person(commands: Parsers) -> None:
    about = "the password is asked for, or read from standard input"
    add = _command(commands, "add", f"let somebody log in; {about}", "add_person")
    add.add_argument("name")
    add.add_argument("--scope", choices=SCOPES, required=True)
    passwd = _command(
        commands, "passwd", f"replace a password and end the sessions; {about}", "change_password"
    )
    passwd.add_argument("name")
    remove = _command(commands, "remove", "take the account away and end its sessions", "remove_person")
    remove.add_argument("name")
    _command(commands, "list", "all people", "list_people").add_argument("--json", action="store_true")


def _group(commands: Parsers, name: str, about: str) -> Parsers:
    parser = commands.add_parser(name, help=about, description=about)
    return parser.add_subparsers(required=True, metavar="COMMAND")


def _command(commands: Parsers, name: str, about: str, function: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    parser.set_defaults(function=_run, access_function=function)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return 0, or 1 where it cannot be done."""
    from pantau_collector.access import commands  # noqa: PLC0415 - the other commands start faster without

    arguments.language = i18n.known(arguments.lang) or i18n.of_terminal()
    try:
        getattr(commands, arguments.access_function)(arguments)
    except AccessError as error:
        sys.stderr.write(f"{i18n.Message(error.text, error.values).to(arguments.language)}\n")
        return 1
    return 0
