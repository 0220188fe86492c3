"""`pantau-collector registry move` and `replace`, and the writing of rows that `add` shares with them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.errors import RegistryError
from pantau_collector.i18n import marked as _
from pantau_collector.registry import moving, reader, writer
from pantau_collector.registry.instants import format_instant
from pantau_collector.registry.problems import listing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pantau_collector.registry.model import Placement

ADDED = _("{device} stands in {village} since {since}; {path} has version {version}")
RETIRED = _("{device} is retired since {since}; {path} has version {version}")
UNKNOWN = _("{path} has no device {device}")


def add_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add what the command takes; `what` is the second thing that it is told."""
    parser.add_argument("file", type=Path)
    parser.add_argument("device")
    parser.add_argument(what)
    parser.add_argument(
        "--since", metavar="INSTANT", help="such as 2026-11-01T00:00:00+07:00; now by default"
    )


def move(arguments: argparse.Namespace) -> int:
    """Write that a device stands elsewhere; return 0, or 1 where that cannot be."""
    now = _standing(arguments)
    return write(arguments, moving.moved(now, arguments.village, _since(arguments))) if now else 1


def replace(arguments: argparse.Namespace) -> int:
    """Write that a device retires for a successor; return 0, or 1 where that cannot be."""
    now = _standing(arguments)
    return write(arguments, moving.replaced(now, arguments.successor, _since(arguments))) if now else 1


def write(arguments: argparse.Namespace, rows: Sequence[dict[str, str]]) -> int:
    """Append the rows, all or none, and say what they mean; return 0, or 1 where they break a rule."""
    try:
        registry = writer.append(arguments.file, rows, arguments.language)
    except (RegistryError, OSError) as error:
        _complain(str(error))
        return 1
    for row in rows:
        values = {**row, "path": arguments.file, "version": registry.version[:12]}
        text = i18n.Message(RETIRED if row["state"] == "retired" else ADDED, values)
        sys.stdout.write(f"{text.to(arguments.language)}\n")
    return 0


def _standing(arguments: argparse.Namespace) -> Placement | None:
    """Return where the device stands now; None, having said so, where that is not known."""
    registry, found = reader.examine(arguments.file)
    if found:
        _complain(listing(found, arguments.language))
        return None
    now = registry.current(arguments.device)
    if now is None:
        values = {"path": arguments.file, "device": arguments.device}
        _complain(i18n.Message(UNKNOWN, values).to(arguments.language))
    return now


def _since(arguments: argparse.Namespace) -> str:
    return arguments.since or format_instant(time.time_ns(), getattr(arguments, "village", ""))


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
