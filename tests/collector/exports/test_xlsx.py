"""The Excel file, read back by another library: typed cells, a frozen filtered head, and notes."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING

import openpyxl
import pytest
from tests.collector.exports.conftest import MONTH, REGENCY

from pantau_collector.exports import xlsx_file
from pantau_collector.exports.columns import COLUMNS
from pantau_collector.exports.order import Order
from pantau_collector.months import words

if TYPE_CHECKING:
    from pantau_collector.i18n import Language
    from pantau_collector.months.model import MonthReader


def written(months: MonthReader, language: Language, code: str = REGENCY) -> bytes:
    area = months.area(MONTH, code)
    assert area is not None
    out = io.BytesIO()
    xlsx_file.write(out, Order(reader=months, area=area, language=language))
    return out.getvalue()


@pytest.mark.parametrize(
    ("language", "sheets"),
    [("id", ["Ringkasan", "Desa", "Keterangan"]), ("en", ["Summary", "Villages", "Notes"])],
)
def test_every_cell_is_what_the_reader_said(months: MonthReader, language: Language, sheets: list[str]):
    """Numbers are numbers, times are times, verdicts are words of the language, and `=…` is text."""
    book = openpyxl.load_workbook(io.BytesIO(written(months, language)))
    assert book.sheetnames == sheets
    sheet = book[sheets[1]]
    head, *rows = sheet.iter_rows()
    assert [cell.value for cell in head] == [column.label(language) for column in COLUMNS]
    villages = months.villages(MONTH, REGENCY)
    assert len(rows) == len(villages)
    for village, row in zip(villages, rows, strict=True):
        for column, cell in zip(COLUMNS, row, strict=True):
            value = column.value(village)
            if value is None or value == "":
                assert cell.value in (None, "")
            elif column.kind == "verdict":
                assert cell.value == words.verdict(str(value), language)
            elif column.kind == "instant":
                when = dt.datetime.fromtimestamp(int(value) // 10**9, dt.UTC).replace(tzinfo=None)
                assert (cell.value, cell.is_date) == (when, True)
            else:
                expected = value if column.kind == "text" else pytest.approx(value, rel=1e-15)
                assert (column.name, cell.value) == (column.name, expected)
                assert cell.data_type == ("s" if column.kind == "text" else "n")
            if column.kind == "ratio" and value is not None:
                assert cell.number_format == "0.0%"


def test_the_list_can_be_filtered_and_its_head_stays(months: MonthReader):
    """The head is frozen with the village's name, and a filter spans all rows and columns."""
    sheet = openpyxl.load_workbook(io.BytesIO(written(months, "id")))["Desa"]
    assert sheet.freeze_panes == "J2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(7, len(COLUMNS)).coordinate}"


def test_the_summary_counts_and_the_notes_explain_every_column(months: MonthReader):
    """The counts are the area's, its parts stand below, and each column has its sentence."""
    book = openpyxl.load_workbook(io.BytesIO(written(months, "en")))
    summary = {row[0].value: row[1].value for row in book["Summary"].iter_rows() if row[0].value}
    area = months.area(MONTH, REGENCY)
    assert area is not None
    assert summary["Villages judged"] == len(months.villages(MONTH, REGENCY))
    assert summary["Fail"] == area.counts.failed
    assert summary["Mean coverage"] == pytest.approx(area.coverage_ratio)
    assert summary["Prambanan"] == "33.10.01"
    notes = {row[1].value: row[2].value for row in book["Notes"].iter_rows(min_row=2)}
    for column in COLUMNS:
        assert notes[column.name] == column.about("en")


def test_the_same_data_makes_the_same_bytes(months: MonthReader):
    """A file can be compared by its hash, because no time of its making stands in it."""
    assert written(months, "id") == written(months, "id")
