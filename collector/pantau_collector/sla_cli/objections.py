"""`sla objections`: files, answers and lists what is held against a village's month."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_collector import people
from pantau_collector.i18n import marked as _
from pantau_collector.registry.instants import format_instant
from pantau_collector.sla_cli.common import command, opened, print_json, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.sla_cli.common import Parsers

FILED = _("{number}: filed; it is shown with the month, and travels with its evidence")
ANSWERED = _("{number}: answered")
NONE = _("there is no objection")
SHOWN = _("{number}  {village}  {month}  {when}  {by}: {said}")
ANSWER = _("    {when}  {by}: {said}")


def add_arguments(commands: Parsers) -> None:
    """Add `objections` with what can be done."""
    about = "file, answer or list objections to a village's month"
    parser = commands.add_parser("objections", help=about, description=about)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    file = command(actions, "file", "object to a village's month", _file)
    file.add_argument("village", help="code of the village, such as 33.10.25.2007")
    file.add_argument("month", help="such as 2026-08")
    answer = command(actions, "answer", "answer an objection, once", _answer)
    answer.add_argument("number")
    for parser_with_words in (file, answer):
        parser_with_words.add_argument("--text", required=True, help="what is said")
        parser_with_words.add_argument("--by", default=people.who(), help="who says it; you by default")
    listing = command(actions, "list", "list objections and their answers", _list, json=True)
    listing.add_argument("--village", metavar="CODE")
    listing.add_argument("--month")


def _file(arguments: argparse.Namespace) -> int:
    from pantau_collector.months import objections  # noqa: PLC0415 - NumPy takes its time

    with opened(arguments) as (_config, store):
        found = objections.file(
            store,
            arguments.village,
            arguments.month,
            by=arguments.by,
            text=arguments.text,
            now_ns=time.time_ns(),
        )
    tell(arguments, FILED, number=found.number)
    return 0


def _answer(arguments: argparse.Namespace) -> int:
    from pantau_collector.months import objections  # noqa: PLC0415 - NumPy takes its time

    with opened(arguments) as (_config, store):
        objections.answer(
            store, arguments.number, by=arguments.by, text=arguments.text, now_ns=time.time_ns()
        )
    tell(arguments, ANSWERED, number=arguments.number)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from pantau_collector.months import objections  # noqa: PLC0415 - NumPy takes its time

    with opened(arguments) as (_config, store):
        found = objections.listed(store, arguments.village, arguments.month)
    if arguments.json:
        print_json(found)
        return 0
    if not found:
        tell(arguments, NONE)
    for one in found:
        when = format_instant(one.filed_at_ns, one.village)
        tell(
            arguments,
            SHOWN,
            number=one.number,
            village=one.village,
            month=one.month,
            when=when,
            by=one.by,
            said=one.text,
        )
        if one.answered_at_ns is not None:
            when = format_instant(one.answered_at_ns, one.village)
            tell(arguments, ANSWER, when=when, by=one.answered_by, said=one.answer)
    return 0
