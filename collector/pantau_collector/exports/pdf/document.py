"""The document itself: what is put into it, its pages and their footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.pagesizes import A4
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from pantau_collector.exports import areas
from pantau_collector.exports.pdf import looks, overview, village
from pantau_collector.exports.seal import Seal
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from reportlab.pdfgen.canvas import Canvas

    from pantau_collector.exports.order import Order

PAGE = _("Page {page} of")
_SIZE, _LEADING, _TOTAL_WIDTH = 7, 9, 16
_TOTAL = "total"


def write(out: IO[bytes], order: Order) -> None:
    """Write the document; the same data makes the same bytes."""
    seal = Seal()
    chosen = overview.choose(seal.of(order.lines()))
    footer = (
        f"{order.title} ({areas.outer(order.code)}) · {order.month} · {seal.state(order.language)}",
        f"SHA-256 {seal.sha256}",
    )
    story = [*overview.pages(order, seal, chosen), *_villages(order, chosen), _Total()]
    _Document(out, order, footer).build(story)


def _villages(order: Order, chosen: overview.Chosen) -> Iterator[Flowable]:
    for line in chosen.failed:
        evidence = order.reader.evidence(line.month, line.code)
        if evidence is not None:
            yield from village.pages(evidence, order.language)


class _Document(BaseDocTemplate):
    """Pages with a footer that knows how many there are: the number is drawn once all are done."""

    def __init__(self, out: IO[bytes], order: Order, footer: tuple[str, str]) -> None:
        super().__init__(
            out,
            pagesize=A4,
            invariant=1,
            pageCompression=1,
            lang=order.language,
            title=overview.title(order),
            subject=order.title,
            author=order.letterhead[0] if order.letterhead else overview.PRODUCT,
            creator=overview.PRODUCT,
        )
        self._footer = footer
        self._page_text = translate(PAGE, order.language)
        bottom = looks.MARGIN + looks.FOOTER
        frame = Frame(
            looks.MARGIN,
            bottom,
            looks.WIDTH,
            looks.PAGE_HEIGHT - bottom - looks.MARGIN,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
        )
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self._draw_footer))

    def _draw_footer(self, canvas: Canvas, _: object) -> None:
        top = looks.MARGIN + _LEADING
        right = looks.MARGIN + looks.WIDTH - _TOTAL_WIDTH
        canvas.saveState()
        canvas.setStrokeColor(looks.RULE)
        canvas.line(looks.MARGIN, top + _LEADING, looks.MARGIN + looks.WIDTH, top + _LEADING)
        canvas.setFont(looks.REGULAR, _SIZE)
        canvas.setFillColor(looks.GREY)
        for number, text in enumerate(self._footer):
            canvas.drawString(looks.MARGIN, top - number * _LEADING, looks.latin(text))
        canvas.drawRightString(right, top, self._page_text.format(page=canvas.getPageNumber()))
        canvas.translate(right, top)
        canvas.doForm(_TOTAL)
        canvas.restoreState()


class _Total(Flowable):
    """Comes last, and draws what all footers refer to: how many pages there are."""

    def wrap(self, *_: object) -> tuple[float, float]:
        """Take no room."""
        return 0, 0

    def draw(self) -> None:
        """Draw the number."""
        canvas = self.canv
        canvas.beginForm(_TOTAL, 0, -2, _TOTAL_WIDTH, _SIZE)
        canvas.setFont(looks.REGULAR, _SIZE)
        canvas.setFillColor(looks.GREY)
        canvas.drawString(2, 0, str(canvas.getPageNumber()))
        canvas.endForm()
