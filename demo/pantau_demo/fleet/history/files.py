"""Files as `pantau-collector import` takes them: lines of JSON with a header, and a manifest beside."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pantau_wire import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Content = Literal["points", "deliveries", "series"]
_QUICK = 1  # they are read once, on this machine


class TableFile:
    """One table's file. All rows of a file have the same columns."""

    def __init__(self, folder: Path, content: Content, name: str, columns: Sequence[str]) -> None:
        """Begin the file."""
        self.content, self.name, self.columns = content, name, tuple(columns)
        self.path = folder / f"{content}-{name}.jsonl.gz"
        self.count = 0
        self._encoder = msgspec.json.Encoder()
        self._file = gzip.open(self.path, "wb", _QUICK)  # noqa: SIM115 - closed by `close`
        head = {"table": content, "name": name, "columns": self.columns}
        self._file.write(self._encoder.encode(head) + b"\n")

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, their values in the order of the columns."""
        found = list(rows)
        self.count += len(found)
        self._file.write(self._encoder.encode_lines(found))

    def close(self) -> dict[str, Any]:
        """End the file, and return what the manifest says of it."""
        self._file.close()
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        entry = {"path": self.path.name, "table": self.content, "name": self.name, "rows": self.count}
        return {**entry, "sha256": digest, "upto": 0}


class Folder:
    """A folder of tables, begun as they are written to."""

    def __init__(self, path: Path) -> None:
        """Make the folder, unless it is there."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._files: dict[tuple[str, str], TableFile] = {}

    def write(
        self, content: Content, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Add rows to a table; its columns are always the same."""
        file = self._files.get((content, name))
        if file is None:
            file = self._files[content, name] = TableFile(self.path, content, name, columns)
        assert file.columns == tuple(columns), (name, columns)
        file.write(rows)

    def close(self) -> int:
        """End the files and write the manifest; return how many rows there are."""
        entries = [file.close() for file in self._files.values()]
        manifest = {
            "version": __version__,
            "selection": {},
            "file_format": "lines",
            "format": 1,
            "complete": True,
            "files": entries,
        }
        (self.path / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        return sum(entry["rows"] for entry in entries)
