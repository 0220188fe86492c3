"""How a village or an area did over the months: a bar for each, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.months import words
from pantau_collector.months.model import COUNT_FIELDS, Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import AreaMonth, VillageMonth

BAR, STEP, HEIGHT = 34, 46, 90
TABLE_KEYS = ("availability", "coverage", "download", "upload", "latency", "loss", "restitution")
"""Columns of a village's table that its table of months has too, in the order of both."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: a verdict, from where and how high."""

    verdict: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One month. `counts` of a single village holds one."""

    month: str
    label: str
    x: int
    parts: list[Part]
    counts: Counts
    found: AreaMonth | VillageMonth


def bars(found: Sequence[AreaMonth | VillageMonth], language: Language) -> list[Bar]:
    """Return the bars, each as high as the others: what is compared are shares."""
    return [
        Bar(
            one.month,
            words.month(one.month, language, short=True),
            number * STEP,
            parts(counts := _counts(one), HEIGHT),
            counts,
            one,
        )
        for number, one in enumerate(found)
    ]


def parts(counts: Counts, length: float) -> list[Part]:
    """Return how a bar of some length is divided, pass first; no piece for what does not occur."""
    found, begin = [], 0.0
    for verdict, name in reversed(COUNT_FIELDS.items()):
        piece = length * getattr(counts, name) / max(1, counts.villages)
        if piece:
            found.append(Part(verdict, round(begin, 2), round(piece, 2)))
        begin += piece
    return found


def _counts(one: AreaMonth | VillageMonth) -> Counts:
    return one.counts if hasattr(one, "counts") else Counts(**{COUNT_FIELDS[one.verdict]: 1})
