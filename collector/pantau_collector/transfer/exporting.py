"""Writes a selection of a store into a folder; what was begun is continued."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pantau_collector.errors import TransferError
from pantau_collector.transfer import formats, manifest, tables
from pantau_collector.transfer.manifest import Entry, FileFormat, Manifest, Selection
from pantau_wire import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pantau_collector.transfer.linefiles import Writer
    from pantau_collector.transfer.reading import Part, Selected
    from pantau_collector.transfer.tables import Table

FILE_ROWS = 500_000


class Exporter:
    """Writes files of about `file_rows` into one folder; `told` hears of each when it is whole."""

    def __init__(
        self,
        selected: Selected,
        folder: Path,
        *,
        told: Callable[[Entry], object] = lambda _: None,
        file_rows: int = FILE_ROWS,
    ) -> None:
        """Write nothing yet."""
        self._selected = selected
        self._folder = folder
        self._told = told
        self._file_rows = file_rows

    def run(self, selection: Selection, file_format: FileFormat) -> Manifest:
        """Write all tables, or what is left of them; return the manifest, which is complete then.

        Raises `TransferError` for a folder that holds another export or cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = self._begun(Manifest(__version__, selection, file_format))
            for table in tables.every():
                if table.content in selection.contents:
                    self._export(table, found)
            found.complete = True
            manifest.write(self._folder, found)
        except OSError as error:
            raise TransferError(f"cannot write {self._folder}: {error.strerror or error}") from None
        return found

    def _begun(self, wanted: Manifest) -> Manifest:
        """Return the manifest that is there, or the new one."""
        found = manifest.read(self._folder)
        if found is None:
            return wanted
        if (found.selection, found.file_format) != (wanted.selection, wanted.file_format):
            raise TransferError(
                f"{self._folder} holds another export: choose another folder, or the same selection"
            )
        return found

    def _export(self, table: Table, found: Manifest) -> None:
        there = found.of(table.content, table.name)
        parts = self._selected.parts(table, there[-1].upto if there else None)
        for number in itertools.count(len(there) + 1):
            name = f"{table.name}-{number:05}{formats.suffix(found.file_format)}"
            entry = self._file(table, parts, name, found.file_format)
            if entry is None:
                return
            found.files.append(entry)
            manifest.write(self._folder, found)
            self._told(entry)

    def _file(self, table: Table, parts: Iterator[Part], name: str, file_format: FileFormat) -> Entry | None:
        """Write parts into one file until it is full; None where nothing was left."""
        partial = self._folder / f".{name}.partial"
        file: Writer | None = None
        count, last = 0, None
        try:
            for upto, batches in parts:
                last = upto
                for rows in batches:
                    if rows:
                        file = file or formats.writer(file_format, partial, table)
                        file.write(rows)
                        count += len(rows)
                if count >= self._file_rows:
                    break
        finally:
            if file is not None:
                file.close()
        if last is None or not count:
            return None
        digest = manifest.digest(partial)
        partial.replace(self._folder / name)
        return Entry(name, table.content, table.name, count, digest, last)
