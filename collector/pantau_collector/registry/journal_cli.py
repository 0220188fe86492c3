"""`pantau-collector registry journal`: who added which row when, and where the file was edited by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.errors import RegistryError
from pantau_collector.i18n import marked as _
from pantau_collector.registry import journal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pantau_collector.registry.journal import Entry

NO_JOURNAL = _("no command has changed this registry yet")
BY_HAND = _("(changed without a command)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """Write the journal to standard output, oldest first; return 0, or 1 where there is none."""
    file = arguments.file.resolve()
    try:
        entries = journal.read(file)
        gaps = journal.gaps(entries, journal.version_of(file.read_bytes()))
    except (RegistryError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not entries:
        sys.stderr.write(f"{_tell(arguments, NO_JOURNAL)}\n")
        return 1
    for at, entry in enumerate(entries, 1):
        sys.stdout.writelines(_lines(entry))
        if at in gaps:
            sys.stdout.write(f"{_tell(arguments, BY_HAND)}\n")
    return 0


def _lines(entry: Entry) -> Iterator[str]:
    for row in entry.rows:
        values = " ".join(f"{name}={text}" for name, text in row.items())
        yield f"{entry.at:%Y-%m-%dT%H:%M:%SZ}  {entry.who}  {values}\n"


def _tell(arguments: argparse.Namespace, text: str) -> str:
    return i18n.Message(text, {}).to(arguments.language)
