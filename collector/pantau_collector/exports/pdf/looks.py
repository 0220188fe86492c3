"""How the PDF looks: fonts, colours, and the tables and texts that its pages are made of.

Only the fonts that every reader of PDF has: nothing is embedded, and Latin letters are all that they can say.
"""

from __future__ import annotations

import functools
import unicodedata
from html import escape
from typing import TYPE_CHECKING, Any

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Paragraph, Table

from pantau_collector.exports import colours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.lib.colors import Color
REGULAR, BOLD = "Helvetica", "Helvetica-Bold"
PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN, FOOTER = 16 * mm, 12 * mm
WIDTH = PAGE_WIDTH - 2 * MARGIN
INK, GREY, RULE, SHADE = HexColor(colours.INK), HexColor("#5A6570"), HexColor("#C9D1D6"), HexColor("#F3F6F7")
FILLS = {verdict: HexColor(colour) for verdict, colour in colours.VERDICTS.items()}
STATES = {
    "up": HexColor("#BFE3D0"),
    "link_down": HexColor("#B3261E"),
    "local_fault": HexColor("#E9A23B"),
    "power_off": HexColor("#59636E"),
    "agent_down": HexColor("#9AA7B4"),
    "off_site": HexColor("#C3AEE0"),
    "unknown": HexColor("#EDEFF1"),
}
MAINTENANCE = HexColor("#1D5FAA")

_ROW_HEIGHT, _SIZE, _PADDING = 12.5, 7.5, 2
_HEAD_SIZE, _HEAD_LEADING = 6, 7.5
_BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=9, leading=12)
STYLES = {
    "body": _BODY,
    "small": ParagraphStyle("small", _BODY, fontSize=7.5, leading=10, textColor=GREY),
    "cell": ParagraphStyle("cell", _BODY, fontSize=8, leading=10),
    "title": ParagraphStyle("title", _BODY, fontName=BOLD, fontSize=17, leading=21, textColor=INK),
    "heading": ParagraphStyle(
        "heading", _BODY, fontName=BOLD, fontSize=11, leading=14, textColor=INK, spaceBefore=10, spaceAfter=4
    ),
    "village": ParagraphStyle("village", _BODY, fontName=BOLD, fontSize=14, leading=18, textColor=INK),
    "lead": ParagraphStyle("lead", _BODY, fontSize=10, leading=14, spaceBefore=4, spaceAfter=6),
    "letterhead": ParagraphStyle("letterhead", _BODY, fontName=BOLD, fontSize=12, leading=15),
    "figure": ParagraphStyle("figure", _BODY, fontName=BOLD, fontSize=16, leading=20),
}


def paragraph(text: str, style: str = "body") -> Paragraph:
    """Return a paragraph; the text is taken as it is, whatever stands in it."""
    return Paragraph(escape(latin(text), quote=False), STYLES[style])


@functools.lru_cache(maxsize=8192)
def latin(text: str) -> str:
    """Return a text in letters that the fonts have, the nearest one where they lack it, else `?`."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", text)
        letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
        return letters.encode("cp1252", "replace").decode("cp1252")
    return text


def fitted(text: str, width: float, font: str = REGULAR, size: float = _SIZE) -> str:
    """Return a text, shortened by an ellipsis where it is wider than `width` points."""
    known = latin(text)
    if stringWidth(known, font, size) <= width:
        return known
    while known and stringWidth(f"{known}…", font, size) > width:
        known = known[:-1]
    return f"{known.rstrip()}…"


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    right: Sequence[int] = (),
    fills: Sequence[tuple[int, int, Color]] = (),
) -> Table:
    """Return a table whose head stands on each page: cells on one line, shortened where need be.

    `widths` are parts of the page's width, `right` the columns that stand to the right, `fills` colours of
    single cells by row and column.
    """
    points = [WIDTH * width / sum(widths) for width in widths]
    labels = [_wrapped(text, width - 2 * _PADDING) for text, width in zip(head, points, strict=True)]
    height = 2 * _PADDING + _HEAD_LEADING * max(label.count("\n") + 1 for label in labels)
    style: list[Any] = [*_STYLE, *(("ALIGN", (column, 0), (column, -1), "RIGHT") for column in right)]
    style += [("BACKGROUND", (column, row + 1), (column, row + 1), colour) for row, column, colour in fills]
    texts = [labels, *(_cells(row, points) for row in rows)]
    return Table(texts, points, [height, *[_ROW_HEIGHT] * len(rows)], style=style, repeatRows=1)


def side_by_side(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    right: Sequence[int] = (),
) -> Table:
    """Return a table as `table` does, its second half beside the first."""
    half = -(-len(rows) // 2)
    empty = [""] * len(head)
    pairs = [[*rows[at], *(rows[half + at] if half + at < len(rows) else empty)] for at in range(half)]
    doubled = [*right, *(column + len(head) for column in right)]
    return table([*head, *head], pairs, [*widths, *widths], right=doubled)


def _cells(row: Sequence[str], points: Sequence[float]) -> list[str]:
    return [fitted(text, width - 2 * _PADDING) for text, width in zip(row, points, strict=True)]


def _wrapped(text: str, width: float) -> str:
    """Return a label on as many lines as it needs; words that are too long are shortened."""
    lines = simpleSplit(latin(text), BOLD, _HEAD_SIZE, width)
    return "\n".join(fitted(line, width, BOLD, _HEAD_SIZE) for line in lines)


_STYLE: tuple[tuple[object, ...], ...] = (
    ("FONT", (0, 0), (-1, -1), REGULAR, _SIZE),
    ("FONT", (0, 0), (-1, 0), BOLD, _HEAD_SIZE, _HEAD_LEADING),
    ("TEXTCOLOR", (0, 0), (-1, 0), white),
    ("BACKGROUND", (0, 0), (-1, 0), INK),
    ("LINEBELOW", (0, 1), (-1, -1), 0.3, RULE),
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ("LEFTPADDING", (0, 0), (-1, -1), _PADDING),
    ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING),
    ("TOPPADDING", (0, 0), (-1, -1), 0),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
)
