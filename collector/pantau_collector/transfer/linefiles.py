"""Tables as lines of JSON, gzip'd: a header names table and columns, each row after it is an array.

    {"table": "series", "name": "late", "columns": ["device", "time_ns", "since_ns", "until_ns"]}
    ["desa-1", 1790000000000000000, 1789999000000000000, 1789999060000000000]

A file may have several headers. Columns that are empty throughout may be left out.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.errors import TransferError
from pantau_collector.transfer import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pantau_collector.transfer.tables import Row, Table, Thing

SUFFIX = ".jsonl.gz"
_LEVEL = 4


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    table: str
    name: str
    columns: list[str]


class Writer:
    """Writes one table."""

    def __init__(self, path: Path, table: Table) -> None:
        """Begin the file."""
        self._encoder = msgspec.json.Encoder()
        self._file = gzip.open(path, "wb", _LEVEL)  # noqa: SIM115 - closed by `close`
        self._file.write(
            self._encoder.encode(_Header(table.content, table.name, list(table.columns))) + b"\n"
        )

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._file.write(self._encoder.encode_lines(rows))

    def close(self) -> None:
        """End the file."""
        self._file.close()


def read(path: Path, batch_rows: int) -> Iterator[list[Thing]]:
    """Yield what the file holds, at most so many rows of one table at a time. Raises `TransferError`."""
    things: list[Thing] = []
    rows = msgspec.json.Decoder(list[Any])
    make: Callable[[Row], Thing] = _before_any_header
    for number, line in enumerate(_lines(path), 1):
        if len(things) >= batch_rows or (things and line[:1] == b"{"):
            yield things
            things = []
        try:
            if line[:1] == b"{":
                make = _reader(line)
            else:
                things.append(make(rows.decode(line)))
        except (msgspec.MsgspecError, TransferError, ValueError) as error:
            raise TransferError(f"{path}, line {number}: {error}") from None
    if things:
        yield things


def _before_any_header(_row: Row) -> Thing:
    raise TransferError("rows before a header")


def _reader(line: bytes) -> Callable[[Row], Thing]:
    header = msgspec.json.decode(line, type=_Header)
    return tables.reader(tables.find(header.table, header.name), header.columns)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise TransferError(f"cannot read {path}: {error}") from None
