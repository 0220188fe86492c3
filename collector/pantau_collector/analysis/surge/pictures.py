"""Pictures of an evaluation, as SVG: what each method finds and at what price, and what a score looks like.

Plain text, so that no drawing library is needed for three pictures.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.surge.evaluation import Quality
    from pantau_collector.analysis.surge.traffic_set import Event, TrafficSet

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 300, 60, 250
_COLOURS = ("#1f63b0", "#b4540f", "#1c6b41", "#7a5200", "#a12a22")
_AROUND_BINS = 2 * rules.BINS_PER_DAY // 3
_SCORE_TOP = 10.0


def recall(qualities: Mapping[str, Quality]) -> str:
    """Return bars: the recall of each method at each magnitude, with its false alarms in words."""
    factors = [one.factor for one in next(iter(qualities.values())).recalls]
    room = (_WIDTH - _LEFT - 20) / max(len(factors), 1)
    bar = room / (len(qualities) + 1)
    parts = []
    for number, quality in enumerate(qualities.values()):
        for place, one in enumerate(quality.recalls):
            x, height = _LEFT + place * room + number * bar, one.ratio * 200
            parts.append(_rectangle(x, _BOTTOM - height, bar * 0.9, height, number, f"{one.ratio:.1%}"))
    for place, factor in enumerate(factors):
        parts.append(_text(_LEFT + (place + 0.4) * room, _BOTTOM + 18, f"{factor:g} times the usual"))
    names = [
        f"{name}: {quality.false_per_village_month:.2f} false a village and month"
        for name, quality in qualities.items()
    ]
    return _picture("Share of the surges that was found", [*_shares(), *parts, *_legend(names)])


def recall_by_spread(steps: Sequence[tuple[float, float, int]], factor: float) -> str:
    """Return a line: how the recall falls with a village's noise."""
    most = max((spread for spread, _, _ in steps), default=1.0)
    points = [
        (_LEFT + (_WIDTH - _LEFT - 40) * spread / most, _BOTTOM - 200 * ratio) for spread, ratio, _ in steps
    ]
    labels = [
        _text(x, _BOTTOM + 18, f"{spread:.2f}") for (x, _), (spread, _, _) in zip(points, steps, strict=True)
    ]
    title = f"Found of surges of {factor:g} times the usual, by the standard deviation of the village's noise"
    return _picture(title, [*_shares(), _line(points, 0), *labels])


def example(traffic: TrafficSet, event: Event, score: NDArray[np.float32]) -> str:
    """Return the traffic around an event, and the score below it."""
    first = max(event.first_bin - _AROUND_BINS // 2, 0)
    rates = traffic.rate_bps[event.village, first : first + _AROUND_BINS] / 1e6
    scores = score[event.village, first : first + _AROUND_BINS]
    most = float(np.nanmax(rates, initial=0.0)) or 1.0
    x = _LEFT + (_WIDTH - _LEFT - 20) * np.arange(len(rates)) / max(len(rates), 1)
    left, right = x[event.first_bin - first], x[min(event.last_bin - first, len(x) - 1)]
    limit = _BOTTOM - 60 * rules.SCORE_ALARM / _SCORE_TOP
    return _picture(
        f"Village {event.village}: {event.factor:g} times the usual (shaded), rate up to {most:.0f} Mbit/s;"
        " below the score and its limit",
        [
            f'<rect x="{left:.1f}" y="40" width="{max(right - left, 2):.1f}" height="210" fill="#1f63b022"/>',
            *_curves(x, 170 - 120 * rates / most, 0),
            *_curves(x, _BOTTOM - 60 * np.clip(scores, 0, _SCORE_TOP) / _SCORE_TOP, 4),
            f'<path d="M{_LEFT},{limit:.1f}H{_WIDTH - 20}" stroke="#51626d" stroke-dasharray="4 3"/>',
        ],
    )


def _picture(title: str, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT + 60}" font-family="sans-serif"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}'
    ground = f'<rect width="{_WIDTH}" height="{_HEIGHT + 60}" fill="#ffffff"/>'
    return "\n".join(
        [f'{head} font-size="11">', ground, _text(_LEFT, 22, title, "start", 14), *parts, "</svg>", ""]
    )


def _shares() -> Iterator[str]:
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _BOTTOM - 200 * share
        yield f'<path d="M{_LEFT},{y}H{_WIDTH - 20}" stroke="#dde4e8"/>'
        yield _text(_LEFT - 8, y + 4, f"{share:.0%}", "end")


def _legend(names: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        x, y = _LEFT + number % 2 * 330, _BOTTOM + 40 + number // 2 * 20
        yield _rectangle(x, y - 9, 12, 10, number, name)
        yield _text(x + 18, y, name, "start")


def _curves(x: NDArray[np.floating], y: NDArray[np.floating], colour: int) -> Iterator[str]:
    """Yield lines through the points, none over a gap."""
    known = np.flatnonzero(~np.isnan(y))
    for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if len(run) > 1:
            yield _line([(float(x[at]), float(y[at])) for at in run], colour)


def _line(points: Sequence[tuple[float, float]], colour: int) -> str:
    path = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<path d="M{path}" fill="none" stroke="{_COLOURS[colour]}" stroke-width="1.5"/>' if points else ""


def _rectangle(x: float, y: float, width: float, height: float, colour: int, title: str) -> str:  # noqa: PLR0917
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{_COLOURS[colour % len(_COLOURS)]}"><title>{escape(title)}</title></rect>'


def _text(x: float, y: float, text: str, anchor: str = "middle", size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
