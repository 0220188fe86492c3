"""A month's speed tests against the contract, and daily figures of delay and loss: coordinates and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pantau_collector import formats
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.months.instants import DAY_NS, span_ns
from pantau_collector.months.words import OUTSIDE_BUSY_HOURS, WHY_NOT
from pantau_collector.web import geometry
from pantau_collector.web.charts import BOTTOM, LEFT, RIGHT, TOP, Tick
from pantau_collector.web.geometry import Scale
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.i18n import Language
    from pantau_collector.months.model import SpeedTest

Direction = Literal["download", "upload"]
DIRECTIONS: tuple[Direction, ...] = ("download", "upload")
HEIGHT = BOTTOM + 22
_HEADROOM = 1.05

TITLES = {"download": _("Download tests"), "upload": _("Upload tests")}
KINDS = {
    "counted": _("counted, in the busy hours"),
    "other": _("outside of the busy hours"),
    "uncounted": _("not counted"),
}


@dataclass(frozen=True, slots=True)
class Dot:
    """One test: `kind` is counted, other or uncounted."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A level line: the contracted rate, or the part of it that a test must reach."""

    kind: str
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that the template draws of one direction."""

    direction: Direction
    title: str
    unit: str
    dots: list[Dot]
    limits: list[Limit]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def plot(
    direction: Direction, tests: Sequence[SpeedTest], month: Month, profile: Profile, language: Language
) -> Plot:
    """Return the plot of one direction; tests without a figure for it are left out."""
    measured = [(test, bps) for test in tests if (bps := getattr(test, f"{direction}_bps")) is not None]
    contracted = getattr(profile, f"contracted_{direction}_bps")
    highest = max(
        [bps for _, bps in measured] + ([contracted * _HEADROOM] if contracted else []), default=0.0
    )
    factor, unit = formats.scale_of(Unit.BITS_PER_SECOND, highest)
    ticks = geometry.ticks(highest / factor)
    y = Scale(0, ticks[-1] * factor, BOTTOM, TOP)
    begin_ns, end_ns = span_ns(month)
    x = Scale(begin_ns, end_ns, LEFT, RIGHT)
    return Plot(
        direction,
        translate(TITLES[direction], language),
        unit,
        [
            Dot(x(test.time_ns), y(bps), _kind(test), _told(test, bps, month, language))
            for test, bps in measured
        ],
        _limits(contracted, profile.speed_rate_ratio, y, language),
        [Tick(x(begin_ns + day * DAY_NS), str(day + 1)) for day in range(0, month.day_count, 5)],
        [Tick(y(tick * factor), formats.number(tick, language)) for tick in ticks],
    )


def _kind(test: SpeedTest) -> str:
    if test.why_not:
        return "other" if test.why_not == OUTSIDE_BUSY_HOURS else "uncounted"
    return "counted" if test.busy_hour else "other"


def _told(test: SpeedTest, bps: float, month: Month, language: Language) -> str:
    said = WHY_NOT.get(test.why_not, KINDS[_kind(test)])
    when = formats.instant(test.time_ns, month.zone, language)
    return f"{when}\n{formats.quantity(bps, Unit.BITS_PER_SECOND, language)}, {translate(said, language)}"


def _limits(contracted: float | None, ratio: float, y: Scale, language: Language) -> list[Limit]:
    if contracted is None:
        return []
    share = formats.quantity(ratio, Unit.RATIO, language)
    return [
        Limit("contract", y(contracted), formats.quantity(contracted, Unit.BITS_PER_SECOND, language)),
        Limit("needed", y(contracted * ratio), share),
    ]
