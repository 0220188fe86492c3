"""`pantau-collector dead-letters`: what our decoder refused, and what to do with it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
import time
from typing import TYPE_CHECKING

from pantau_collector import config as configuration
from pantau_collector import i18n
from pantau_collector.deadletters import DeadLetters, KeptLetter, Tally
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

TALLY = _(
    "{device}, {reason}: {kept} kept ({kept_bytes} bytes), {rotated} made room; arrived {times} time(s), "
    "first {first}, last {last}"
)
NO_DEVICE = _("(no device's topic)")
NOTHING = _("no dead letters")

_JSON_HELP = "one JSON object per line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add list, show, replay and discard."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="one line per letter, oldest first")
    listing.add_argument("--device", help="only this device's")
    listing.add_argument(
        "--summary",
        action="store_true",
        help="by device and reason, those that made room included; most first",
    )
    listing.add_argument("--json", action="store_true", help=_JSON_HELP)
    listing.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the summary")
    listing.set_defaults(function=_list)
    for name, function, text in (
        ("show", _show, "print one letter with its payload"),
        ("discard", _discard, "delete one letter for good"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("number", type=int)
        command.set_defaults(function=function)
    replay = commands.add_parser(
        "replay", help="offer letters to the ingest again; those it takes now are deleted here"
    )
    replay.add_argument("number", type=int, nargs="?", help="one letter; without it, all of them")
    replay.set_defaults(function=_replay)


@contextlib.contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[DeadLetters]:
    path = configuration.load(arguments.config).store.dead_letters_path
    with contextlib.closing(DeadLetters(path)) as letters:
        yield letters


def _list(arguments: argparse.Namespace) -> int:
    language = i18n.known(arguments.lang) or i18n.of_terminal()
    nothing = True
    with _opened(arguments) as kept:
        for line in _summary(arguments, kept, language) if arguments.summary else _letters(arguments, kept):
            nothing = False
            _say(line)
    if nothing and not arguments.json:
        _say(i18n.Message(NOTHING).to(language))
    return 0


def _letters(arguments: argparse.Namespace, kept: DeadLetters) -> Iterator[str]:
    for letter in kept.list(arguments.device):
        yield json.dumps(_as_json(letter)) if arguments.json else _line(letter)


def _summary(arguments: argparse.Namespace, kept: DeadLetters, language: i18n.Language) -> Iterator[str]:
    for tally in kept.tallies(arguments.device):
        yield json.dumps(_tally_as_json(tally)) if arguments.json else _tally(tally, language)


def _tally(tally: Tally, language: i18n.Language) -> str:
    values = {
        "device": tally.account or i18n.Message(NO_DEVICE).to(language),
        "reason": tally.reason,
        "kept": tally.kept_letters,
        "kept_bytes": tally.kept_bytes,
        "rotated": tally.rotated_letters,
        "times": tally.kept_times + tally.rotated_times,
        "first": _instant(tally.first_at_ns),
        "last": _instant(tally.last_at_ns),
    }
    return i18n.Message(TALLY, values).to(language)


def _tally_as_json(tally: Tally) -> dict[str, object]:
    return {
        "device": tally.account or None,
        "reason": tally.reason,
        "kept_count": tally.kept_letters,
        "kept_bytes": tally.kept_bytes,
        "rotated_count": tally.rotated_letters,
        "rotated_bytes": tally.rotated_bytes,
        "times_count": tally.kept_times + tally.rotated_times,
        "first_at": _instant(tally.first_at_ns),
        "last_at": _instant(tally.last_at_ns),
    }


def _show(arguments: argparse.Namespace) -> int:
    with _opened(arguments) as letters:
        letter = letters.get(arguments.number)
    _say(json.dumps({**_as_json(letter), "payload": _text(letter)}, indent=2, ensure_ascii=False))
    return 0


def _discard(arguments: argparse.Namespace) -> int:
    with _opened(arguments) as letters:
        letters.discard(arguments.number)
    _say(f"dead letter {arguments.number} is deleted")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    """Return 0 when every letter was taken, 1 when some were refused again and stay."""
    from pantau_collector.replay import Replayer  # noqa: PLC0415 - the other commands need no store

    config = configuration.load(arguments.config)
    refused_count = 0
    with _opened(arguments) as letters, contextlib.closing(Replayer(config, letters)) as replayer:
        for number in letters.numbers() if arguments.number is None else [arguments.number]:
            reason = replayer.replay(letters.get(number), time.time_ns())
            refused_count += reason is not None
            _say(f"{number}: {'stored' if reason is None else f'stays: {reason}'}")
    return 1 if refused_count else 0


def _line(letter: KeptLetter) -> str:
    return f"{letter.id}\t{_instant(letter.at_ns)}\t{letter.device}\t{letter.reason}\t{letter.detail}"


def _as_json(letter: KeptLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "device": letter.device,
        "at": _instant(letter.at_ns),
        "last_at": _instant(letter.last_at_ns),
        "times_count": letter.times,
        "reason": letter.reason,
        "detail": letter.detail,
        "payload_bytes": len(letter.payload),
        "content_type": letter.content_type,
    }


def _text(letter: KeptLetter) -> str:
    """Return the payload as text, inflated where it says so and can be."""
    from pantau_wire import codec  # noqa: PLC0415 - only `show` needs it
    from pantau_wire.errors import WireError  # noqa: PLC0415

    try:
        return codec.unpack(letter.payload, letter.content_type).decode()
    except (WireError, UnicodeDecodeError):
        return letter.payload.decode(errors="backslashreplace")


def _instant(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns / 1e9, dt.UTC).isoformat(timespec="seconds")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
