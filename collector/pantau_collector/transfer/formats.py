"""The two kinds of files, told apart by their names; Parquet's library is imported for such a file only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.errors import TransferError
from pantau_collector.transfer import linefiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from pantau_collector.transfer.linefiles import Writer
    from pantau_collector.transfer.manifest import FileFormat
    from pantau_collector.transfer.tables import Table, Thing

_SUFFIXES: dict[FileFormat, str] = {"lines": linefiles.SUFFIX, "parquet": ".parquet"}


def suffix(file_format: FileFormat) -> str:
    """Return how such a file's name ends."""
    return _SUFFIXES[file_format]


def writer(file_format: FileFormat, path: Path, table: Table) -> Writer:
    """Begin a file; raises `TransferError` where the library for it is missing."""
    made: Writer = _module(file_format).Writer(path, table)
    return made


def read(path: Path, batch_rows: int) -> Iterator[list[Thing]]:
    """Yield what a file holds, so many rows at a time. Raises `TransferError`."""
    for file_format, ending in _SUFFIXES.items():
        if path.name.endswith(ending):
            yield from _module(file_format).read(path, batch_rows)
            return
    raise TransferError(f"{path}: its name ends neither in {' nor in '.join(_SUFFIXES.values())}")


def _module(file_format: FileFormat) -> ModuleType:
    if file_format == "lines":
        return linefiles
    try:
        from pantau_collector.transfer import parquetfiles  # noqa: PLC0415 - pyarrow is large, and an extra
    except ModuleNotFoundError as error:
        raise TransferError(f"{error}: install pantau[parquet], or choose --format lines") from None
    return parquetfiles
