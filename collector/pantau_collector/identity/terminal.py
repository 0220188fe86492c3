"""What the commands share: the folder that the arguments mean, and texts in the reader's language."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.config import load
from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.folder import Folder
from pantau_collector.registry.reader import examine

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

CONTRADICTION = _("{device} stands in {now} by the registry, not in {village}: use pantau-collector registry")


def files_of(arguments: argparse.Namespace) -> Folder:
    """Return the folder of the authorities."""
    return Folder(arguments.folder or load(arguments.config).identity.path)


def identities_of(arguments: argparse.Namespace) -> Identities:
    """Return the authorities."""
    return Identities(files_of(arguments))


def registry_of(arguments: argparse.Namespace) -> Path:
    """Return the file of the registry."""
    path: Path = arguments.registry or load(arguments.config).registry.path
    return path


def stands_there(arguments: argparse.Namespace) -> bool:
    """Tell whether the registry has the device in its village. Refuses one that stands in another village."""
    path = registry_of(arguments)
    registry = examine(path)[0] if path.exists() else None
    placement = registry.current(arguments.device) if registry else None
    if placement is not None and placement.village != arguments.village:
        raise CertificateError(
            CONTRADICTION, device=arguments.device, now=placement.village, village=arguments.village
        )
    return placement is not None


def say(arguments: argparse.Namespace, text: str, **values: object) -> None:
    """Print a text on standard output."""
    sys.stdout.write(said(arguments, text, **values))


def note(arguments: argparse.Namespace, text: str, **values: object) -> None:
    """Print a text on standard error, beside what programs read."""
    sys.stderr.write(said(arguments, text, **values))


def said(arguments: argparse.Namespace, text: str, **values: object) -> str:
    """Return a line in the reader's language."""
    return f"{i18n.Message(text, values).to(arguments.language)}\n"
