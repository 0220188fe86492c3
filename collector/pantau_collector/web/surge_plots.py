"""A village's traffic against its baseline, and the scores below: coordinates and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector import formats
from pantau_collector.analysis.surge import rules
from pantau_collector.surges.words import STATES
from pantau_collector.web import geometry
from pantau_collector.web.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    STRIP_BOTTOM,
    STRIP_TOP,
    TOP,
    Tick,
    time_axis,
)
from pantau_collector.web.geometry import Scale
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.surges.model import Surge
    from pantau_collector.web.charts import Window

HEIGHT = STRIP_BOTTOM + 22
_BINS = 320
_SCORE_TOP = 10.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the plot, its state, and the words that appear when one points at it."""

    x: float
    y: float
    state: str
    title: str


@dataclass(frozen=True, slots=True)
class SurgePlot:
    """Everything that the template draws of one direction."""

    direction: str
    unit: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    bands: list[str]
    usual: list[str]
    rates: list[str]
    marks: list[Mark]
    scores: list[Mark]
    limit_y: float
    bin_count: int


def build(direction: str, found: Sequence[Surge], window: Window) -> SurgePlot:
    """Return the plot of a direction's rows, oldest first."""
    x = Scale(window.since_ns, window.until_ns, LEFT, RIGHT)
    rates = [value for one in found for value in (one.rate_bps, one.high_bps) if value is not None]
    high = max(rates, default=0.0)
    factor, unit = formats.scale_of(Unit.BITS_PER_SECOND, high)
    ticks = geometry.ticks(high / factor)
    y = Scale(0, ticks[-1] * factor, BOTTOM, TOP)
    score_y = Scale(0, _SCORE_TOP, STRIP_BOTTOM, STRIP_TOP)
    return SurgePlot(
        direction=direction,
        unit=unit,
        x_ticks=time_axis(window, x),
        y_ticks=[Tick(y(tick * factor), formats.number(tick, window.language)) for tick in ticks],
        bands=[path for run in _runs(found, "low_bps") if (path := _band(run, x, y))],
        usual=_lines(found, "baseline_bps", x, y),
        rates=_lines(found, "rate_bps", x, y),
        marks=[_mark(one, x, y(one.rate_bps), window) for one in found if _alarmed(one) and one.rate_bps],
        scores=[
            _mark(one, x, score_y(one.score), window) for one in _thinned(found) if one.score is not None
        ],
        limit_y=score_y(rules.SCORE_ALARM),
        bin_count=len(found),
    )


def _alarmed(one: Surge) -> bool:
    return one.state in ("surge", "slow")


def _runs(found: Sequence[Surge], name: str) -> list[list[Surge]]:
    runs = geometry.segments(found, _time, lambda one: getattr(one, name))
    total = sum(map(len, runs))
    return [
        geometry.thin(run, max(1, _BINS * len(run) // total), _time, lambda one: (getattr(one, name),) * 2)
        for run in runs
    ]


def _lines(found: Sequence[Surge], name: str, x: Scale, y: Scale) -> list[str]:
    paths = [
        geometry.line([(x(one.time_ns), y(getattr(one, name))) for one in run]) for run in _runs(found, name)
    ]
    return [path for path in paths if path]


def _band(run: Sequence[Surge], x: Scale, y: Scale) -> str:
    upper = [(x(one.time_ns), y(one.high_bps or 0)) for one in run]
    return geometry.area(upper, [(x(one.time_ns), y(one.low_bps or 0)) for one in run])


def _thinned(found: Sequence[Surge]) -> list[Surge]:
    """Return at most so many as can be told apart, of each stretch the highest score among them."""
    known = [one for one in found if one.score is not None]
    return geometry.thin(known, _BINS, _time, lambda one: (one.score or 0.0,) * 2)


def _mark(one: Surge, x: Scale, y: float, window: Window) -> Mark:
    language: Language = window.language
    parts = [formats.instant(one.time_ns, window.zone, language)]
    if one.rate_bps is not None:
        parts.append(formats.quantity(one.rate_bps, Unit.BITS_PER_SECOND, language))
    if one.score is not None:
        parts.append(formats.number(one.score, language, 1))
    return Mark(x(one.time_ns), y, one.state if one.state in STATES else "normal", "\n".join(parts))


def _time(one: Surge) -> int:
    return one.time_ns
