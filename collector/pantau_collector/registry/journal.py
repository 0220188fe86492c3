"""Who changed the registry, when, and what: a file beside it that only grows, one JSON object a line.

The commands write an entry before they replace the registry. Who edits the file by hand leaves none, but a
gap: the next entry's `before` is not the version that the one before it left.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import wholefile
from pantau_collector.errors import RegistryError
from pantau_collector.people import who

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that were added, and the registry's version (SHA-256 of the file) before and after it."""

    at: dt.datetime
    who: str
    before: str
    version: str
    rows: list[dict[str, str]]


def path_of(registry: Path) -> Path:
    """Return where the journal of a registry stands."""
    return registry.with_name(f"{registry.name}.journal")


def append(registry: Path, rows: Sequence[Mapping[str, str]], before: bytes, after: bytes, mode: int) -> None:
    """Say that whoever runs this adds rows to the registry's content, whose mode is this. Raises OSError."""
    entry = Entry(
        at=dt.datetime.now(dt.UTC),
        who=who(),
        before=version_of(before),
        version=version_of(after),
        rows=[{name: text for name, text in row.items() if text} for row in rows],
    )
    wholefile.append(path_of(registry), msgspec.json.encode(entry), mode)


def read(registry: Path) -> list[Entry]:
    """Return all entries, oldest first. Raises `RegistryError` naming a damaged line, and OSError."""
    path = path_of(registry)
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RegistryError(f"{path}, line {number}: {error}") from None
    return entries


def gaps(entries: Sequence[Entry], version: str) -> list[int]:
    """Return before which entries something else changed the registry; `version` is the present one.

    The number of entries stands for a change after the last.
    """
    befores = [entry.before for entry in entries[1:]] + [version]
    pairs = zip(entries, befores, strict=False)  # where there is no entry there is no gap either
    return [at for at, (entry, before) in enumerate(pairs, 1) if entry.version != before]


def version_of(content: bytes) -> str:
    """Return the version of a registry with this content."""
    return hashlib.sha256(content).hexdigest()
