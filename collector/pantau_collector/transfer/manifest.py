"""What an export holds: its selection, and each file with rows and SHA-256. Written anew after each file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import msgspec

from pantau_collector import wholefile
from pantau_collector.errors import TransferError
from pantau_collector.transfer.tables import Content
from pantau_wire.vocabulary import INT64_MAX

if TYPE_CHECKING:
    from pathlib import Path

NAME = "manifest.json"
FileFormat = Literal["lines", "parquet"]
_MODE = 0o644


class Selection(msgspec.Struct, frozen=True):
    """What was asked for: since <= time < until, of everybody where no device and no village is named."""

    since_ns: int = 0
    until_ns: int = INT64_MAX
    devices: tuple[str, ...] = ()
    villages: tuple[str, ...] = ()
    contents: tuple[Content, ...] = ("points", "deliveries", "series")


class Entry(msgspec.Struct, frozen=True):
    """One file. What comes after `upto` (a time in ns, for deliveries a device) is in a later file."""

    path: str
    table: Content
    name: str
    rows: int
    sha256: str
    upto: int | str


class Manifest(msgspec.Struct):
    """What stands in the folder. `complete` says that the export came to its end."""

    version: str
    selection: Selection
    file_format: FileFormat
    format: Literal[1] = 1
    complete: bool = False
    files: list[Entry] = []

    def of(self, table: Content, name: str) -> list[Entry]:
        """Return the files of a table, in order."""
        return [entry for entry in self.files if (entry.table, entry.name) == (table, name)]


def read(folder: Path) -> Manifest | None:
    """Return the folder's manifest, None where there is none; raises `TransferError` for a broken one."""
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise TransferError(f"cannot read {path}: {error}") from None


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest in one step; raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    wholefile.replace(folder / NAME, text + b"\n", _MODE)


def digest(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
