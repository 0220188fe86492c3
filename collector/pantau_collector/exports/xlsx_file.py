"""A month as an Excel file: summary, list of villages, notes on the columns. Written row by row.

Text is written as text, so that nothing in it is a formula or a link. The same data makes the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pantau_collector.exports import areas, colours, summary
from pantau_collector.exports.columns import COLUMNS
from pantau_collector.exports.seal import Seal
from pantau_collector.formats import SECOND_NS
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.months import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import IO

    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    from pantau_collector.exports.columns import Cell, Column
    from pantau_collector.exports.order import Order
    from pantau_collector.months.model import AreaMonth, VillageMonth

SUMMARY, VILLAGES, NOTES = _("Summary"), _("Villages"), _("Notes")
TITLE = _("Quality of villages' internet, {month}")
CODE, MONTH, STATE = _("Code"), _("Month"), _("State")
DIGEST = _("SHA-256 of the data")
DIGEST_NOTE = _("The SHA-256 of this month's plain CSV of the same area: whoever has both can compare them.")
VERDICT_NOTES = {
    "fail": _("At least one metric did not keep what was promised."),
    "insufficient_data": _("None failed, but for at least one too little was measured: no pass and no fail."),
    "inconclusive": _("Enough was measured, but for at least one metric it does not tell pass from fail."),
    "pass": _("Every metric kept what was promised."),
}
SOURCE_NOTE = _("How a month is judged: docs/sla.md. Each village's evidence can be downloaded and checked.")
COLUMN, FIELD, MEANING = _("Column"), _("Name in CSV"), _("Meaning")

_NUMBERS = {"ratio": "0.0%", "count": "#,##0", "instant": "yyyy-mm-dd hh:mm", "text": "General"}
_A4 = 9
_NAME_COLUMN = 8  # up to the village's name nothing scrolls away
_LABEL_WIDTH, _FIGURE_WIDTH, _MEANING_WIDTH = 30, 14, 90


def write(out: IO[bytes], order: Order) -> None:
    """Write the file. Its memory does not grow with the villages, its temporary files on disk do."""
    from xlsxwriter import Workbook  # noqa: PLC0415 - for who exports only

    seal = Seal()
    book = Workbook(out, {"constant_memory": True, "default_date_format": _NUMBERS["instant"]})
    _Book(book, order).fill(seal)
    book.set_properties(
        {"title": _title(order), "subject": order.title, "created": _moment(seal.closed_at_ns)}
    )
    book.close()


class _Book:
    """The sheets of one file and their formats."""

    def __init__(self, book: Workbook, order: Order) -> None:
        self._book = book
        self._order = order
        self._language = order.language
        self._title = book.add_format({"bold": True, "font_size": 16, "font_color": colours.INK})
        self._strong = book.add_format({"bold": True})
        self._wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self._head = book.add_format(
            {
                "bold": True,
                "bg_color": colours.INK,
                "font_color": "#FFFFFF",
                "text_wrap": True,
                "valign": "vcenter",
            }
        )
        self._formats = {kind: book.add_format({"num_format": text}) for kind, text in _NUMBERS.items()}
        self._verdicts = {
            word: book.add_format({"bg_color": fill}) for word, fill in colours.VERDICTS.items()
        }

    def fill(self, seal: Seal) -> None:
        """Write all sheets; the list first, because the summary tells of all that stands in it."""
        first, second, third = (
            self._book.add_worksheet(self._say(name)) for name in (SUMMARY, VILLAGES, NOTES)
        )
        self._list(second, seal.of(self._order.lines()))
        self._summary(first, seal)
        self._notes(third)
        first.activate()

    def _say(self, text: str) -> str:
        return translate(text, self._language)

    def _list(self, sheet: Worksheet, lines: Iterable[VillageMonth]) -> None:
        for number, column in enumerate(COLUMNS):
            sheet.set_column(number, number, column.width)
        sheet.freeze_panes(1, _NAME_COLUMN + 1)
        self._header(sheet, 0, [column.label(self._language) for column in COLUMNS])
        row = 0
        for row, line in enumerate(lines, 1):
            for number, column in enumerate(COLUMNS):
                self._cell(sheet, row, number, column, column.value(line))
        sheet.autofilter(0, 0, row, len(COLUMNS) - 1)
        sheet.repeat_rows(0)
        self._on_paper(sheet, pages_wide=2)

    def _on_paper(self, sheet: Worksheet, pages_wide: int = 1) -> None:
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(pages_wide, 0)
        sheet.set_footer(f"&L{self._order.title.replace('&', '&&')}, {self._order.month}&R&P / &N")

    def _cell(self, sheet: Worksheet, row: int, number: int, column: Column, value: Cell) -> None:
        if value is None:
            return
        if column.kind == "verdict":
            word = words.verdict(str(value), self._language)
            sheet.write_string(row, number, word, self._verdicts[str(value)])
        elif column.kind == "instant":
            sheet.write_datetime(row, number, _moment(int(value)), self._formats["instant"])
        else:
            self._plain(sheet, row, number, column.kind, value)

    def _plain(self, sheet: Worksheet, row: int, number: int, kind: str, value: Cell) -> None:
        if isinstance(value, str):
            sheet.write_string(row, number, value)
        elif value is not None:
            sheet.write_number(row, number, value, self._formats[kind])

    def _header(self, sheet: Worksheet, row: int, labels: list[str]) -> None:
        sheet.set_row(row, 32)
        for number, label in enumerate(labels):
            sheet.write_string(row, number, label, self._head)

    def _summary(self, sheet: Worksheet, seal: Seal) -> None:
        order = self._order
        sheet.set_column(0, 0, _LABEL_WIDTH)
        sheet.set_column(1, len(summary.FIGURES) + 1, _FIGURE_WIDTH)
        sheet.hide_gridlines(2)
        self._on_paper(sheet)
        sheet.write_string(0, 0, _title(order), self._title)
        sheet.write_string(1, 0, order.title, self._strong)
        facts = {
            CODE: areas.outer(order.code),
            MONTH: order.area.month,
            STATE: seal.state(self._language),
            DIGEST: seal.sha256,
        }
        for row, (label, value) in enumerate(facts.items(), 3):
            sheet.write_string(row, 0, self._say(label), self._strong)
            sheet.write_string(row, 1, value)
        first = 4 + len(facts)
        for row, figure in enumerate(summary.FIGURES, first):
            label_format = self._verdicts.get(figure.verdict, self._strong)
            sheet.write_string(row, 0, figure.label(self._language), label_format)
            self._plain(sheet, row, 1, figure.kind, figure.value(order.area))
        self._parts(sheet, first + len(summary.FIGURES) + 1, order.children())

    def _parts(self, sheet: Worksheet, row: int, children: list[AreaMonth]) -> None:
        """Write a line for each area directly inside."""
        if not children:
            return
        labels = [figure.label(self._language) for figure in summary.FIGURES]
        self._header(
            sheet, row, [summary.part_label(self._order.code, self._language), self._say(CODE), *labels]
        )
        for line, child in enumerate(children, row + 1):
            sheet.write_string(line, 0, areas.name(child.code))
            sheet.write_string(line, 1, child.code)
            for number, figure in enumerate(summary.FIGURES, 2):
                self._plain(sheet, line, number, figure.kind, figure.value(child))

    def _notes(self, sheet: Worksheet) -> None:
        sheet.set_column(0, 1, _LABEL_WIDTH)
        sheet.set_column(2, 2, _MEANING_WIDTH)
        self._on_paper(sheet)
        sheet.freeze_panes(1, 0)
        self._header(sheet, 0, [self._say(text) for text in (COLUMN, FIELD, MEANING)])
        notes = [
            (column.label(self._language), column.name, column.about(self._language)) for column in COLUMNS
        ]
        notes += [
            (words.verdict(word, self._language), word, self._say(text))
            for word, text in VERDICT_NOTES.items()
        ]
        notes += [(self._say(DIGEST), "", self._say(DIGEST_NOTE)), ("", "", self._say(SOURCE_NOTE))]
        for row, note in enumerate(notes, 1):
            for number, text in enumerate(note):
                sheet.write_string(row, number, text, self._wrapped)


def _title(order: Order) -> str:
    return translate(TITLE, order.language).format(month=order.month)


def _moment(time_ns: int) -> datetime:
    """Return ns since 1970 as Excel keeps times: UTC, without a zone."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).replace(tzinfo=None)
