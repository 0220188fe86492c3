"""`pantau-collector audit`: proves that nothing is missing, or names what is."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import i18n
from pantau_collector.audit import SpoolAccount, audit
from pantau_collector.config import load
from pantau_collector.i18n import marked as _
from pantau_collector.storage.opening import open_store

if TYPE_CHECKING:
    import argparse

    from pantau_wire.ranges import Range

NOTHING = _("nothing was delivered")
SPOOL = _(
    "{device}, spool {spool}, {first} to {last}: received {received}, rejected {rejected}, dropped {dropped}"
)
MISSING = _("  MISSING, and nothing explains it: {ranges}")
LOST = _("  LOST, received but not in the store: {ranges}")
COMPLETE = _("complete: every measurement is stored, or counted as rejected or dropped")
INCOMPLETE = _("not complete: {count} measurement(s) are missing")
BAD_INSTANT = _("{instant} is no instant: write it as 2026-11-01T00:00:00+07:00")

_SHOWN_RANGES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--device", metavar="ID", help="only this device's")
    parser.add_argument("--since", metavar="INSTANT", help="only what arrived since, and what lies between")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the accounts; return 0 when all are complete, 1 where something is missing, 2 for wrong use."""
    language = i18n.known(arguments.lang) or i18n.of_terminal()
    try:
        since_ns = _instant_ns(arguments.since) if arguments.since else 0
    except ValueError:
        sys.stderr.write(_say(language, BAD_INSTANT, instant=arguments.since))
        return 2
    with contextlib.closing(open_store(load(arguments.config).store)) as store:
        devices = [arguments.device] if arguments.device else store.devices()
        accounts = list(audit(store, devices, since_ns))
    if arguments.json:
        _print_json(accounts)
    else:
        sys.stdout.write(_report(accounts, language))
    return 0 if all(found.complete for found in accounts) else 1


def _instant_ns(text: str) -> int:
    instant = dt.datetime.fromisoformat(text)
    return int(instant.astimezone(dt.UTC).timestamp()) * 1_000_000_000


def _print_json(accounts: list[SpoolAccount]) -> None:
    outcome = {"complete": all(found.complete for found in accounts), "spools": accounts}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode() + "\n")


def _report(accounts: list[SpoolAccount], language: i18n.Language) -> str:
    if not accounts:
        return _say(language, NOTHING)
    missing_count = sum(_length(found.missing) + _length(found.lost) for found in accounts)
    last = _say(language, INCOMPLETE, count=missing_count) if missing_count else _say(language, COMPLETE)
    return "".join([*(_account(found, language) for found in accounts), last])


def _account(found: SpoolAccount, language: i18n.Language) -> str:
    text = _say(
        language,
        SPOOL,
        device=found.device,
        spool=found.spool,
        first=found.first_seq,
        last=found.last_seq,
        received=found.received_count,
        rejected=found.rejected_count,
        dropped=found.dropped_count,
    )
    for label, holes in ((MISSING, found.missing), (LOST, found.lost)):
        if holes:
            text += _say(language, label, ranges=_ranges(holes))
    return text


def _ranges(holes: tuple[Range, ...]) -> str:
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in holes[:_SHOWN_RANGES]]
    return ", ".join(shown) + (", …" if len(holes) > _SHOWN_RANGES else "")


def _length(holes: tuple[Range, ...]) -> int:
    return sum(last - first + 1 for first, last in holes)


def _say(language: i18n.Language, text: str, **values: object) -> str:
    return i18n.Message(text, values).to(language) + "\n"
