"""What the sub-commands share: language, the configured store, and how answers and complaints are written."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import i18n
from pantau_collector.config import load
from pantau_collector.errors import TranslatedError
from pantau_collector.storage.opening import open_store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pantau_collector.config import CollectorConfig
    from pantau_collector.storage.base import Store

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name
    Command = Callable[[argparse.Namespace], int]


def command(
    commands: Parsers, name: str, about: str, function: Command, *, json: bool = False
) -> argparse.ArgumentParser:
    """Add a command that says in the reader's language what is wrong, and then returns 2."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.set_defaults(function=functools.partial(_run, function))
    return parser


def _run(function: Command, arguments: argparse.Namespace) -> int:
    arguments.language = i18n.known(arguments.lang) or i18n.of_terminal()
    try:
        return function(arguments)
    except TranslatedError as error:
        complain(i18n.Message(error.text, error.values).to(arguments.language))
        return 2


@contextlib.contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[tuple[CollectorConfig, Store]]:
    """Open the configured store; raises `ConfigError`, `StoreError`."""
    config = load(arguments.config)
    with contextlib.closing(open_store(config.store)) as store:
        yield config, store


def tell(arguments: argparse.Namespace, text: str, **values: object) -> None:
    """Print a line in the reader's language."""
    sys.stdout.write(i18n.Message(text, values).to(arguments.language) + "\n")


def complain(text: str) -> None:
    """Print a line about what is wrong."""
    sys.stderr.write(f"{text}\n")


def print_json(content: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")


def table(rows: Sequence[Iterable[str]]) -> None:
    """Print rows in columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")
