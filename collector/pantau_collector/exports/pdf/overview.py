"""The first pages: letterhead, the month in figures, its areas, and the list of villages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reportlab.lib.colors import white
from reportlab.platypus import Flowable, HRFlowable, Spacer, Table

from pantau_collector.exports import areas, summary
from pantau_collector.exports.pdf import looks
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.months import words
from pantau_collector.months.model import COUNT_FIELDS
from pantau_collector.registry.codes import DISTRICT_LENGTH, REGENCY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_collector.exports.order import Order
    from pantau_collector.exports.seal import Seal
    from pantau_collector.i18n import Language
    from pantau_collector.months.model import AreaMonth, VillageMonth

MAX_LISTED = 1000
MAX_DETAILED = 300
PRODUCT = "Pantau"
SUBTITLE = _("Watching over the internet of villages")
TITLE = _("Quality of villages' internet, {month}")
STATE, DIGEST = _("State: {state}"), _("SHA-256 of the data (its plain CSV): {sha256}")
BY_AREA, VILLAGES, FAILED = _("By area"), _("Villages"), _("Villages that failed")
NOT_ALL = _(
    "These {villages} villages are too many for a list on paper: only those that failed are listed. CSV and"
    " Excel files hold all of them."
)
LISTED = _(
    "Listed are the first {shown} of {failed} villages that failed. CSV and Excel files hold all of them."
)
DETAILED = _(
    "The first {shown} of {failed} villages that failed have pages of their own; smaller areas show all."
)
NONE_FAILED = _("No village failed.")
VILLAGE = _("Village")
KABUPATEN = "Kabupaten "  # a city says so, and a regency has no need to
AROUND = {REGENCY_LENGTH: _("Regency"), DISTRICT_LENGTH: _("District")}
"""What the second column of the list names, by the length of its code."""
LIST_HEAD = (
    _("Provider"),
    _("Verdict"),
    _("Available"),
    _("Coverage"),
    _("Download"),
    _("Upload"),
    _("Delay"),
    _("Loss"),
    _("Restitution"),
)
_LIST_WIDTHS = (12, 10.5, 11, 19, 7.3, 7.3, 7.3, 7.3, 7.3, 7.3, 7.7)
_VERDICT_COLUMN = 3
_ICON = 34


@dataclass
class Chosen:
    """What of an area's lines goes on paper: all, or only what failed where all are too many."""

    listed: list[VillageMonth] = field(default_factory=list)
    failed: list[VillageMonth] = field(default_factory=list)
    """Those with pages of their own, `MAX_DETAILED` at most."""
    villages: int = 0
    failures: int = 0


def choose(lines: Iterable[VillageMonth]) -> Chosen:
    """Return what goes on paper; memory is bounded whatever the area."""
    chosen = Chosen()
    failed: list[VillageMonth] = []
    for line in lines:
        chosen.villages += 1
        if line.verdict == "fail":
            chosen.failures += 1
            failed += [line] if len(failed) < MAX_LISTED else []
        chosen.listed += [line] if len(chosen.listed) < MAX_LISTED else []
    if chosen.villages > MAX_LISTED:
        chosen.listed = failed
    chosen.failed = failed[:MAX_DETAILED]
    return chosen


def title(order: Order) -> str:
    """Return what the document is called."""
    return translate(TITLE, order.language).format(month=order.month)


def pages(order: Order, seal: Seal, chosen: Chosen) -> Iterator[Flowable]:
    """Yield all that stands before the villages' own pages."""
    say = order.language
    yield from _letterhead(order)
    yield looks.paragraph(title(order), "title")
    yield looks.paragraph(f"{order.title} ({areas.outer(order.code)})", "lead")
    yield _verdicts(order.area, say)
    yield Spacer(0, 6)
    yield from _figures(order.area, say)
    yield looks.paragraph(translate(STATE, say).format(state=seal.state(say)), "small")
    yield looks.paragraph(translate(DIGEST, say).format(sha256=seal.sha256), "small")
    yield from _areas(order)
    yield from _list(chosen, order.code, say)


def _letterhead(order: Order) -> Iterator[Flowable]:
    first, *rest = order.letterhead or (PRODUCT, translate(SUBTITLE, order.language))
    text = [looks.paragraph(first, "letterhead"), *(looks.paragraph(line, "small") for line in rest)]
    yield Table(
        [[_Icon(), text]],
        [_ICON + 10, looks.WIDTH - _ICON - 10],
        style=[("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (0, 0), 0)],
    )
    yield HRFlowable(width="100%", thickness=1.5, color=looks.INK, spaceBefore=4, spaceAfter=12)


class _Icon(Flowable):
    """The mark of the portal."""

    def __init__(self) -> None:
        super().__init__()
        self.width = self.height = _ICON

    def draw(self) -> None:
        """Draw it: a line that beats, as in `web/static/icon.svg`."""
        canvas = self.canv
        canvas.scale(_ICON / 32, _ICON / 32)
        canvas.setFillColor(looks.INK)
        canvas.roundRect(0, 0, 32, 32, 8, stroke=0, fill=1)
        canvas.setStrokeColorRGB(1, 1, 1)
        canvas.setLineWidth(2.6)
        canvas.setLineCap(1)
        canvas.setLineJoin(1)
        line = canvas.beginPath()
        line.moveTo(5, 14)
        for x, y in ((10, 14), (13, 22), (18, 9), (21.5, 17), (23, 14), (27, 14)):
            line.lineTo(x, y)
        canvas.drawPath(line)


def _verdicts(area: AreaMonth, language: Language) -> Table:
    """Return the four counts, each in the colour of its verdict."""
    cells = [
        [
            looks.paragraph(words.whole(getattr(area.counts, name), language), "figure"),
            looks.paragraph(words.verdict(verdict, language), "cell"),
        ]
        for verdict, name in COUNT_FIELDS.items()
    ]
    fills = [
        ("BACKGROUND", (number, 0), (number, 0), looks.FILLS[verdict])
        for number, verdict in enumerate(COUNT_FIELDS)
    ]
    gaps = ("INNERGRID", (0, 0), (-1, -1), 4, white)
    padding = [("LEFTPADDING", (0, 0), (-1, -1), 10), ("BOTTOMPADDING", (0, 0), (-1, -1), 8)]
    return Table([cells], [looks.WIDTH / len(cells)] * len(cells), style=[*fills, gaps, *padding])


def _figures(area: AreaMonth, language: Language) -> Iterator[Flowable]:
    figures = [figure for figure in summary.FIGURES if not figure.verdict]
    head = [figure.label(language) for figure in figures]
    row = [_text(figure, area, language) for figure in figures]
    yield looks.table(head, [row], [1] * len(head))
    yield Spacer(0, 6)


def _text(figure: summary.Figure, area: AreaMonth, language: Language) -> str:
    value = figure.value(area)
    if figure.kind == "ratio" or value is None:
        return words.percent(None if value is None else float(value), language)
    return words.whole(float(value), language)


def _areas(order: Order) -> Iterator[Flowable]:
    """Yield a line for each area directly inside, unless these are the villages of the list."""
    children = order.children() if len(order.code) < DISTRICT_LENGTH else []
    if not children:
        return
    say = order.language
    yield looks.paragraph(translate(BY_AREA, say), "heading")
    figures = [figure for figure in summary.FIGURES if not figure.sample]
    head = [summary.part_label(order.code, say), *(figure.label(say) for figure in figures)]
    rows = [
        [areas.name(child.code), *(_text(figure, child, say) for figure in figures)] for child in children
    ]
    yield looks.table(head, rows, [2.4, *[1] * len(figures)], right=range(1, len(head)))


def _list(chosen: Chosen, code: str, language: Language) -> Iterator[Flowable]:
    all_listed = chosen.villages <= MAX_LISTED
    yield looks.paragraph(translate(VILLAGES if all_listed else FAILED, language), "heading")
    for text in _remarks(chosen, language):
        yield looks.paragraph(text, "small")
    if chosen.listed:
        around = REGENCY_LENGTH if len(code) < REGENCY_LENGTH else DISTRICT_LENGTH
        rows = [_row(line, around, language) for line in chosen.listed]
        fills = [
            (number, _VERDICT_COLUMN, looks.FILLS[line.verdict]) for number, line in enumerate(chosen.listed)
        ]
        head = [translate(text, language) for text in (VILLAGE, AROUND[around], *LIST_HEAD)]
        yield looks.table(head, rows, _LIST_WIDTHS, right=range(_VERDICT_COLUMN + 1, len(head)), fills=fills)


def _remarks(chosen: Chosen, language: Language) -> Iterator[str]:
    """Yield what is not on paper, and where it is."""
    counts = {
        "villages": words.whole(chosen.villages, language),
        "failed": words.whole(chosen.failures, language),
    }
    if not chosen.failures:
        yield translate(NONE_FAILED, language)
    if chosen.villages > MAX_LISTED:
        yield translate(NOT_ALL, language).format_map(counts)
        if chosen.failures > MAX_LISTED:
            yield translate(LISTED, language).format(shown=words.whole(MAX_LISTED, language), **counts)
    if chosen.failures > MAX_DETAILED:
        yield translate(DETAILED, language).format(shown=words.whole(MAX_DETAILED, language), **counts)


def _row(line: VillageMonth, around: int, language: Language) -> list[str]:
    ratios = (
        line.availability_ratio,
        line.coverage_ratio,
        line.download_share,
        line.upload_share,
        line.latency_share,
        line.rt_loss_ratio,
    )
    return [
        areas.name(line.code),
        areas.name(line.code[:around]).removeprefix(KABUPATEN),
        line.provider,
        words.verdict(line.verdict, language),
        *(words.percent(ratio, language) for ratio in ratios),
        words.whole(line.restitution_minutes, language),
    ]
