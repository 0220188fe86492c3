"""The formats in which a month can be taken away, and the one function that makes a file of any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from pantau_collector.exports import areas

if TYPE_CHECKING:
    from typing import IO

    from pantau_collector.exports.order import Order

FileFormat = Literal["csv", "xlsx", "pdf"]
FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
MEDIA_TYPES: dict[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def make(file_format: FileFormat, order: Order, out: IO[bytes], *, excel: bool = False) -> None:
    """Write a file. `excel` has a CSV as an Excel in the order's language opens it by itself.

    Raises `StoreUnavailableError`; what is written by then is of no use.
    """
    if file_format == "csv":
        from pantau_collector.exports import csv_file  # noqa: PLC0415 - each writer is for who wants it

        csv_file.write(out, order.lines(), csv_file.EXCEL[order.language] if excel else csv_file.PLAIN)
    elif file_format == "xlsx":
        from pantau_collector.exports import xlsx_file  # noqa: PLC0415

        xlsx_file.write(out, order)
    else:
        from pantau_collector.exports.pdf import document  # noqa: PLC0415

        document.write(out, order)


def file_name(order: Order, file_format: FileFormat) -> str:
    """Return what the file is called: `pantau-33.10-2026-09.csv`."""
    return f"pantau-{areas.outer(order.code)}-{order.area.month}.{file_format}"
