"""CSV: RFC 4180 for programs, for Excel what opens in its language, and nothing in it is a formula."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from tests.collector.exports.conftest import MONTH, REGENCY

from pantau_collector.exports import csv_file
from pantau_collector.exports.areas import lines
from pantau_collector.exports.columns import COLUMNS
from pantau_collector.exports.seal import Seal
from pantau_collector.months.model import Revision, VillageMonth

if TYPE_CHECKING:
    from pantau_collector.months.model import MonthReader

GOLDEN = Path(__file__).parent / "columns.csv"
LINE = VillageMonth(
    code="33.10.26.2008",
    month="2026-09",
    provider='PT "Serat", Klaten',
    profile="kantor",
    verdict="fail",
    pooled_verdict="insufficient_data",
    metrics={
        "availability": "pass",
        "download": "fail",
        "upload": "inconclusive",
        "latency": "pass",
        "variation": "pass",
        "loss": "insufficient_data",
    },
    availability_ratio=0.9875,
    availability_min_ratio=0.95,
    availability_max_ratio=1.0,
    coverage_ratio=0.9734,
    restitution_minutes=1234,
    download_tests=62,
    download_share=0.5,
    upload_tests=62,
    upload_share=0.75,
    latency_share=0.991,
    variation_share=1.0,
    revision=Revision(
        number=2, closed_at_ns=1_791_100_800 * 10**9, verdict="fail", sha256="ab" * 32, reason="late data"
    ),
)


def written(months: MonthReader, dialect: csv_file.Dialect = csv_file.PLAIN) -> bytes:
    out = io.BytesIO()
    csv_file.write(out, lines(months, MONTH, REGENCY), dialect)
    return out.getvalue()


def test_the_columns_of_programs_never_change_unnoticed():
    """The header, and a village's line, are as they were when programs were written for them."""
    out = io.BytesIO()
    csv_file.write(out, [LINE])
    assert out.getvalue() == GOLDEN.read_bytes()


def test_every_cell_is_what_the_reader_said(months: MonthReader):
    """A parser of CSV gets back each value of each village, empty where there is none."""
    rows = list(csv.reader(io.StringIO(written(months).decode(), newline=""), strict=True))
    villages = months.villages(MONTH, REGENCY)
    assert rows[0] == [column.name for column in COLUMNS]
    assert len(rows) == len(villages) + 1
    for village, row in zip(villages, rows[1:], strict=True):
        for column, cell in zip(COLUMNS, row, strict=True):
            value = column.value(village)
            if value is None:
                assert cell == ""
            elif column.kind in ("ratio", "count"):
                assert float(cell) == value
            elif column.kind == "text":
                assert cell.removeprefix("'") == value


def test_no_text_is_a_formula():
    """A provider who calls itself `=cmd|…` is text to every spreadsheet."""
    out = io.BytesIO()
    csv_file.write(out, [msgspec.structs.replace(LINE, provider="=cmd|' /C calc'!A0")])
    [line] = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
    assert line["provider"] == "'=cmd|' /C calc'!A0"
    assert csv_file.safe("-1+1") == "'-1+1"
    assert csv_file.safe("@SUM(A1)") == "'@SUM(A1)"
    assert csv_file.safe("PT Serat") == "PT Serat"


def test_excel_in_indonesian_gets_semicolons_decimal_commas_and_a_mark(months: MonthReader):
    """What an Excel set to Indonesian wants to open a file by a double click holds the same numbers."""
    content = written(months, csv_file.EXCEL["id"])
    assert content.startswith(b"\xef\xbb\xbfmonth;province_code;")
    plain = list(csv.DictReader(io.StringIO(written(months).decode(), newline="")))
    excel = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    for one, other in zip(plain, excel, strict=True):
        assert other["availability_ratio"] == one["availability_ratio"].replace(".", ",")
        assert other["village"] == one["village"]


def test_the_digest_is_that_of_the_plain_file(months: MonthReader):
    """Whoever has the CSV can compare it with what PDF and Excel file print."""
    seal = Seal()
    for _ in seal.of(lines(months, MONTH, REGENCY)):
        pass
    assert seal.sha256 == hashlib.sha256(written(months)).hexdigest()
    assert seal.state("en") == "month not closed: figures may still change"


def test_a_seal_says_which_revisions_passed():
    """Closed, reopened, or closed in part: who compares two files must know why they differ."""
    first = msgspec.structs.replace(LINE.revision, number=1)
    for numbers, said in (
        ([2, 2], "closed, revision 2"),
        ([1, 2], "closed, revisions 1 to 2"),
        ([2, None], "closed up to revision 2; 1 of 2 villages not closed"),
    ):
        seal = Seal()
        known = {1: first, 2: LINE.revision, None: None}
        for _ in seal.of([msgspec.structs.replace(LINE, revision=known[number]) for number in numbers]):
            pass
        assert seal.state("en") == said
