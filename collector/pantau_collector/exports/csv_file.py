"""A month as CSV: RFC 4180 for programs, and what Excel opens right by itself, which depends on its language.

An Excel set to Indonesian takes `;` between fields and a comma in numbers, and UTF-8 only after a byte order
mark. In every dialect the columns have the same English names.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pantau_collector.exports.columns import COLUMNS
from pantau_collector.formats import SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import IO

    from pantau_collector.exports.columns import Cell, Column
    from pantau_collector.i18n import Language
    from pantau_collector.months.model import VillageMonth

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields and numbers are written. `mark` begins the file."""

    delimiter: str = ","
    decimal: str = "."
    mark: str = ""


PLAIN = Dialect()
EXCEL: dict[Language, Dialect] = {"id": Dialect(";", ",", "\ufeff"), "en": Dialect(",", ".", "\ufeff")}


class Encoder:
    """Makes lines of CSV in a dialect: UTF-8, each ended by CR LF."""

    def __init__(self, dialect: Dialect = PLAIN) -> None:
        self._dialect = dialect
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, delimiter=dialect.delimiter, lineterminator="\r\n")

    def header(self) -> bytes:
        """Return the first line, with the mark that begins the file."""
        return self._dialect.mark.encode() + self._line([column.name for column in COLUMNS])

    def line(self, village: VillageMonth) -> bytes:
        """Return a village's line."""
        return self._line([_cell(column, column.value(village), self._dialect) for column in COLUMNS])

    def _line(self, cells: list[str]) -> bytes:
        self._text.seek(0)
        self._text.truncate()
        self._writer.writerow(cells)
        return self._text.getvalue().encode()


def write(out: IO[bytes], lines: Iterable[VillageMonth], dialect: Dialect = PLAIN) -> None:
    """Write the file, a line at a time."""
    encoder = Encoder(dialect)
    out.write(encoder.header())
    out.writelines(map(encoder.line, lines))


def safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def instant(time_ns: int) -> str:
    """Return ns since 1970 as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(column: Column, value: Cell, dialect: Dialect) -> str:
    if value is None:
        return ""
    if column.kind == "instant":
        return instant(int(value))
    if isinstance(value, float):
        return repr(value).replace(".", dialect.decimal)
    return safe(value) if isinstance(value, str) else str(value)
