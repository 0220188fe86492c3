"""The table of charts, and how one is built: stored points in, coordinates and texts out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pantau_collector import formats
from pantau_collector.formats import SECOND_NS
from pantau_collector.i18n import marked as _
from pantau_collector.web import geometry, words
from pantau_collector.web.geometry import DAY, Scale
from pantau_wire.schema import key_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.registry.timezones import Zone
    from pantau_collector.storage.base import Point

WIDTH, LEFT, RIGHT, TOP = 560, 50, 548, 32
BOTTOM = 178  # of the main area
STRIP_TOP, STRIP_BOTTOM = 204, 230
BINS = 160


@dataclass(frozen=True, slots=True)
class Chart:
    """One row: a kind, the fields drawn as lines or as points, a band between two, a strip below."""

    kind: str
    title: str
    fields: tuple[str, ...]
    style: Literal["lines", "points"] = "lines"
    band: tuple[str, str] | None = None
    strip: str | None = None
    order: tuple[str, ...] = ()
    """Values of the first key field, in the order in which their charts stand."""


CHARTS = (
    Chart("speed", _("Speed tests"), ("download_goodput_bps", "upload_goodput_bps"), style="points"),
    Chart("traffic", _("Traffic"), ("rx_rate_bps", "tx_rate_bps")),
    Chart(
        "latency",
        _("Round-trip delay and loss"),
        ("rtd_p50_ms",),
        band=("rtd_min_ms", "rtd_p95_ms"),
        strip="rt_loss_ratio",
        order=("testpoint", "internet", "gateway"),
    ),
)


@dataclass(frozen=True, slots=True)
class Window:
    """What is shown: from `since_ns` to `until_ns`, on the wall clock of a zone, in a language."""

    since_ns: int
    until_ns: int
    zone: Zone
    language: Language


@dataclass(frozen=True, slots=True)
class Mark:
    """One plotted value: where it stands, what it is, and the words that appear when one points at it."""

    x: float
    y: float
    field: str
    value: str
    time_ns: int
    seq: int
    title: str


@dataclass(frozen=True, slots=True)
class Series:
    """One field on a plot. `number` chooses its colour."""

    field: str
    label: str
    number: int
    paths: list[str]
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that the template draws. Coordinates lie in `WIDTH` x `height`."""

    id: str
    kind: str
    title: str
    detail: str
    unit: str
    style: str
    height: float
    series: list[Series]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    bands: list[str] = field(default_factory=list)
    band_label: str = ""
    strip: Series | None = None
    failures: list[Mark] = field(default_factory=list)
    point_count: int = 0
    mark_count: int = 0


def groups(chart: Chart, points: Sequence[Point]) -> list[tuple[tuple[str, ...], list[Point]]]:
    """Return the points of each key (each target, interface, engine): what differs in key is never mixed."""
    found: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        found.setdefault(tuple(str(point.values[name]) for name in key_names(chart.kind)), []).append(point)
    return sorted(found.items(), key=lambda item: (_rank(chart, item[0][0]), item[0]))


def build(chart: Chart, key: tuple[str, ...], points: Sequence[Point], window: Window) -> Plot:
    """Return the plot of one key's points, oldest first, all of them within the window."""
    return _Builder(chart, key, points, window).plot()


def time_axis(window: Window, scale: Scale) -> list[Tick]:
    """Return the ticks of a window's axis: days at midnight, clock times between."""
    since, until = window.since_ns // SECOND_NS, window.until_ns // SECOND_NS
    offset = window.zone.tzinfo.utcoffset(None).seconds
    found = []
    for tick in geometry.time_ticks(since, until, offset):
        time_ns = tick * SECOND_NS
        if (tick + offset) % DAY == 0:
            label = formats.day(time_ns, window.zone, window.language)
        else:
            label = formats.clock(time_ns, window.zone, window.language, seconds=False)
        found.append(Tick(scale(time_ns), label))
    return found


def _rank(chart: Chart, first: str) -> int:
    return chart.order.index(first) if first in chart.order else len(chart.order)


def _value(point: Point, name: str) -> float | None:
    value = point.values.get(name)
    return None if value is None or isinstance(value, str | tuple) else float(value)


def _time(point: Point) -> int:
    return point.time_ns


class _Builder:
    """Holds what the parts of one plot share: the scales, and the window."""

    def __init__(self, chart: Chart, key: tuple[str, ...], points: Sequence[Point], window: Window) -> None:
        self.chart, self.key, self.points, self.window = chart, key, points, window
        self.language = window.language
        self.x = Scale(window.since_ns, window.until_ns, LEFT, RIGHT)
        self.unit = words.column(chart.kind, chart.fields[0]).unit
        high = max((value for point in points for value in self.drawn(point)), default=0.0)
        self.factor, self.symbol = formats.scale_of(self.unit, high)
        self.ticks = geometry.ticks(high / self.factor)
        self.y = Scale(0, self.ticks[-1] * self.factor, BOTTOM, TOP)

    def drawn(self, point: Point) -> list[float]:
        names = (*self.chart.fields, *(self.chart.band or ()))
        return [value for name in names if (value := _value(point, name)) is not None]

    def plot(self) -> Plot:
        series = [self.series(name, number) for number, name in enumerate(self.chart.fields, start=1)]
        first = self.chart.fields[0]
        strip = self.strip(self.chart.strip) if self.chart.strip else None
        return Plot(
            id="-".join([self.chart.kind, *self.key]),
            kind=self.chart.kind,
            title=self.chart.title,
            detail=self.detail(),
            unit=self.symbol,
            style=self.chart.style,
            height=(STRIP_BOTTOM if strip else BOTTOM) + 22,
            series=series,
            x_ticks=time_axis(self.window, self.x),
            y_ticks=[
                Tick(self.y(tick * self.factor), formats.number(tick, self.language, self.digits()))
                for tick in self.ticks
            ],
            bands=self.bands(first, *self.chart.band) if self.chart.band else [],
            band_label=self.band_label(),
            strip=strip,
            failures=self.failures(),
            point_count=len(self.points),
            mark_count=max(len(one.marks) for one in series),
        )

    def digits(self) -> int:
        return next(
            (digits for digits in range(3) if all(round(tick, digits) == tick for tick in self.ticks)), 3
        )

    def detail(self) -> str:
        names = key_names(self.chart.kind)
        values = dict(zip(names, self.key, strict=True))
        return ", ".join(words.of_value(name, value, self.language) for name, value in values.items())

    def band_label(self) -> str:
        if not self.chart.band:
            return ""
        labels = [words.label(self.chart.kind, name, self.language) for name in self.chart.band]
        return " \N{EN DASH} ".join(labels)

    def runs(self, name: str, *needed: str) -> list[list[Point]]:
        """Return connected runs of points that have all these fields, thinned by what the chart spans."""
        low, high = self.chart.band or (name, name)

        def bounds(point: Point) -> tuple[float, float]:
            value = _value(point, name) or 0.0
            return _value(point, low) or value, _value(point, high) or value

        def present(point: Point) -> float | None:
            return None if None in [_value(point, other) for other in needed] else _value(point, name)

        runs = geometry.segments(self.points, _time, present)
        total = sum(map(len, runs))
        return [geometry.thin(run, max(1, BINS * len(run) // total), _time, bounds) for run in runs]

    def series(self, name: str, number: int) -> Series:
        runs = self.runs(name)
        marks = [
            [self.mark(point, name, self.y(_value(point, name) or 0.0)) for point in run] for run in runs
        ]
        paths = [geometry.line([(mark.x, mark.y) for mark in run]) for run in marks]
        return Series(
            name,
            words.label(self.chart.kind, name, self.language),
            number,
            [path for path in paths if path] if self.chart.style == "lines" else [],
            [mark for run in marks for mark in run],
        )

    def strip(self, name: str) -> Series:
        """Return a field from 0 to 1 as bars below the main area."""
        scale = Scale(0, 1, STRIP_BOTTOM, STRIP_TOP)
        there = [point for point in self.points if _value(point, name) is not None]
        kept = geometry.thin(there, BINS, _time, lambda point: (_value(point, name) or 0.0,) * 2)
        marks = [self.mark(point, name, scale(_value(point, name) or 0.0)) for point in kept]
        return Series(name, words.label(self.chart.kind, name, self.language), 0, [], marks)

    def bands(self, name: str, low: str, high: str) -> list[str]:
        paths = []
        for run in self.runs(name, low, high):
            upper = [(self.x(point.time_ns), self.y(_value(point, high) or 0.0)) for point in run]
            lower = [(self.x(point.time_ns), self.y(_value(point, low) or 0.0)) for point in run]
            paths.append(geometry.area(upper, lower))
        return [path for path in paths if path]

    def failures(self) -> list[Mark]:
        failed = [point for point in self.points if point.values.get("failure") is not None]
        kept = geometry.thin(failed, BINS, _time, lambda _point: (0.0, 0.0))
        return [self.mark(point, "failure", BOTTOM - 5) for point in kept]

    def mark(self, point: Point, name: str, y: float) -> Mark:
        value = point.values[name]
        column = words.column(self.chart.kind, name)
        label = words.label(self.chart.kind, name, self.language)
        text = words.value_text(column, value, self.language)
        if name == "failure" and (detail := point.values.get("failure_detail")):
            text = f"{text} ({detail})"
        when = formats.instant(point.time_ns, self.window.zone, self.language)
        raw = value if isinstance(value, str) else repr(value)
        return Mark(self.x(point.time_ns), y, name, raw, point.time_ns, point.seq, f"{when}\n{label}: {text}")
