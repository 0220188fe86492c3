"""Appending to `devices.csv`: validated as a whole first, then replaced in one step."""

from __future__ import annotations

import csv
import io
import stat
from typing import TYPE_CHECKING

from pantau_collector import wholefile
from pantau_collector.errors import RegistryError
from pantau_collector.i18n import Message
from pantau_collector.registry import journal
from pantau_collector.registry.problems import NO_SUCH_COLUMN, Problem, listing
from pantau_collector.registry.reader import delimiter_of, examine_content
from pantau_collector.registry.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pantau_collector.i18n import Language
    from pantau_collector.registry.model import Registry

_NEW_MODE = 0o644


def add(path: Path, row: Mapping[str, str], language: Language = "en") -> Registry:
    """Append a row (column to text) and return the registry with it; begin the file where there is none.

    Raises `RegistryError` as `append` does.
    """
    return append(path, [row], language)


def append(path: Path, rows: Sequence[Mapping[str, str]], language: Language = "en") -> Registry:
    """Append rows, all or none of them, and return the registry with them.

    They are journalled, then the file is replaced atomically and durably. Raises `RegistryError` when the
    file, or the file with the rows, breaks a rule: nothing is written then. The message is in the language
    given.
    """
    target = path.resolve()  # a link stays a link
    with wholefile.locked(target.parent):
        before = target.read_bytes() if target.exists() else f"{','.join(COLUMNS)}\n".encode()
        content = before + _appended(before, rows)
        registry, found = examine_content(content, path)
        found += [
            Problem(path, 1, Message(NO_SUCH_COLUMN, {"column": name})) for name in _homeless(before, rows)
        ]
        if found:
            raise RegistryError(listing(found, language))
        mode = _mode(target)
        journal.append(target, rows, before, content, mode)
        wholefile.replace(target, content, mode)
    return registry


def _homeless(before: bytes, rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the columns of the rows that the file has not."""
    columns = _columns(before.decode("utf-8-sig", errors="replace"))
    used = {column: None for row in rows for column, value in row.items() if value}
    return [column for column in used if column not in columns]


def _columns(text: str) -> list[str]:
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text)), [])
    return [name.strip().lower() for name in header]


def _appended(before: bytes, rows: Sequence[Mapping[str, str]]) -> bytes:
    """Return what to add to the bytes, in the columns, separator and line ends that they have."""
    text = before.decode("utf-8-sig", errors="replace")
    end = "\r\n" if "\r\n" in text else "\n"
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter_of(text), lineterminator=end)
    writer.writerows([row.get(name, "") for name in _columns(text)] for row in rows)
    return ("" if not text or text.endswith("\n") else end).encode() + out.getvalue().encode()


def _mode(target: Path) -> int:
    return stat.S_IMODE(target.stat().st_mode) if target.exists() else _NEW_MODE
