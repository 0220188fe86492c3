"""Tables of months: their columns in one list each, and how rows are filtered, sorted and divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.months import words
from pantau_collector.web.failures import PageError
from pantau_collector.web.verdicts.asking import NO_ORDER, NO_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_collector.months.model import AreaMonth, VillageMonth
    from pantau_collector.registry.areas import Area
    from pantau_collector.web.verdicts.asking import TableQuestion

Shape = Literal["name", "count", "share", "verdict", "text"]
Row = TypeVar("Row")
_GRAVEST_FIRST = {word: rank for rank, word in enumerate(words.VERDICTS)}


@dataclass(frozen=True, slots=True)
class AreaRow:
    """An area's month with its name."""

    area: Area
    month: AreaMonth


@dataclass(frozen=True, slots=True)
class VillageRow:
    """A village's month with its name and place.

    `technology` is the registry's word, or empty; `point` latitude and longitude, where they are known.
    """

    area: Area
    district: Area | None
    line: VillageMonth
    technology: str
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column: its key in addresses, its head, what stands in it, and how that is shown."""

    key: str
    title: str
    of: Callable[[Row], Any]
    shape: Shape = "share"
    verdict_of: str = ""
    """The metric whose verdict colours the cell, if any."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a table. `total` counts all rows that the filters let through."""

    rows: Sequence[Row]
    number: int
    last: int
    total: int
    sort: str


AREA_COLUMNS: tuple[Column[AreaRow], ...] = (
    Column("name", _("Area"), lambda row: row.area.name, "name"),
    Column("villages", _("Villages judged"), lambda row: row.month.counts.villages, "count"),
    Column("fail", words.VERDICTS["fail"], lambda row: row.month.counts.failed, "count"),
    Column(
        "insufficient_data",
        words.VERDICTS["insufficient_data"],
        lambda row: row.month.counts.insufficient_data,
        "count",
    ),
    Column(
        "inconclusive", words.VERDICTS["inconclusive"], lambda row: row.month.counts.inconclusive, "count"
    ),
    Column("pass", words.VERDICTS["pass"], lambda row: row.month.counts.passed, "count"),
    Column("coverage", _("Coverage"), lambda row: row.month.coverage_ratio),
    Column("download", _("Download tests that reached 80%"), lambda row: row.month.download_share),
    Column("upload", _("Upload tests that reached 80%"), lambda row: row.month.upload_share),
    Column("restitution", _("Restitution, minutes"), lambda row: row.month.restitution_minutes, "count"),
)

VILLAGE_COLUMNS: tuple[Column[VillageRow], ...] = (
    Column("name", _("Village"), lambda row: row.area.name, "name"),
    Column("verdict", _("Verdict"), lambda row: _GRAVEST_FIRST[row.line.verdict], "verdict"),
    Column("provider", _("Provider"), lambda row: row.line.provider, "text"),
    Column(
        "availability", _("Availability"), lambda row: row.line.availability_ratio, verdict_of="availability"
    ),
    Column("coverage", _("Coverage"), lambda row: row.line.coverage_ratio),
    Column("download", _("Download"), lambda row: row.line.download_share, verdict_of="download"),
    Column("upload", _("Upload"), lambda row: row.line.upload_share, verdict_of="upload"),
    Column("latency", _("Delay"), lambda row: row.line.latency_share, verdict_of="latency"),
    Column("variation", _("Delay variation"), lambda row: row.line.variation_share, verdict_of="variation"),
    Column("loss", _("Loss"), lambda row: row.line.rt_loss_ratio, verdict_of="loss"),
    Column("restitution", _("Restitution, minutes"), lambda row: row.line.restitution_minutes, "count"),
)


def areas_wanted(rows: Sequence[AreaRow], question: TableQuestion) -> list[AreaRow]:
    """Return the areas whose name holds what is looked for."""
    return [row for row in rows if _holds(row.area, question.name)]


def villages_wanted(rows: Sequence[VillageRow], question: TableQuestion) -> list[VillageRow]:
    """Return the villages that every filter lets through."""
    return [
        row
        for row in rows
        if question.verdict in ("", row.line.verdict)
        and question.provider in ("", row.line.provider)
        and question.technology in ("", row.technology)
        and _holds(row.area, question.name)
    ]


def page(
    rows: Sequence[Row], columns: Sequence[Column[Row]], question: TableQuestion, usual: str
) -> Page[Row]:
    """Return the part of the rows that is asked for, in its order; `usual` is the order of who asks for none.

    Raises `PageError` for an unknown column and for a page behind the last.
    """
    ordered = _sorted(rows, columns, question.sort or usual)
    last = max(1, -(-len(rows) // question.size))
    if question.page > last:
        raise PageError(404, Message(NO_PAGE, {"page": question.page, "last": last}))
    first = (question.page - 1) * question.size
    return Page(
        ordered[first : first + question.size], question.page, last, len(rows), question.sort or usual
    )


def _sorted(rows: Sequence[Row], columns: Sequence[Column[Row]], sort: str) -> list[Row]:
    """Return the rows by a column, those without a value last; equal ones stay in order of code."""
    key = sort.removeprefix("-")
    column = next((one for one in columns if one.key == key), None)
    if column is None:
        raise PageError(422, Message(NO_ORDER, {"value": key}))
    known = [row for row in rows if column.of(row) not in (None, "")]
    unknown = [row for row in rows if column.of(row) in (None, "")]
    return sorted(known, key=lambda row: _comparable(column.of(row)), reverse=sort.startswith("-")) + unknown


def _comparable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _holds(area: Area, text: str) -> bool:
    wanted = text.casefold().split()
    return area.code == text.strip() or all(word in area.name.casefold() for word in wanted)
