"""Windows of the rollups, and spans of time. A day is the village's own calendar day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pantau_collector.analysis.rollup_tables import SLOT_NS, Grid
from pantau_collector.registry.timezones import zone_of
from pantau_collector.storage.series import WINDOWS_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_collector.storage.series import Window

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
WINDOWS: tuple[Window, ...] = ("5m", "1h", "1d")


class Span(NamedTuple):
    """From one instant until another (ns since 1970)."""

    since_ns: int
    until_ns: int


def length_ns(window: Window) -> int:
    """Return how long a window is."""
    return WINDOWS_S[window] * SECOND_NS


def offset_ns(area: str) -> int:
    """Return how far the clocks of an area are ahead of UTC."""
    return int(zone_of(area).tzinfo.utcoffset(None).total_seconds()) * SECOND_NS


def floor_ns(time_ns: int, window: Window, area_offset_ns: int) -> int:
    """Return the first instant of the window that an instant lies in; offsets are whole hours."""
    return time_ns - (time_ns + area_offset_ns) % length_ns(window)


def covering(span: Span, window: Window, area_offset_ns: int) -> Span:
    """Return the span of whole windows that a span touches."""
    first = floor_ns(span.since_ns, window, area_offset_ns)
    last = floor_ns(span.until_ns - 1, window, area_offset_ns)
    return Span(first, last + length_ns(window))


def grids(span: Span, window: Window) -> Iterator[Grid]:
    """Yield a span of whole windows as grids of a day at most."""
    step_ns = max(DAY_NS, length_ns(window))
    for since_ns in range(span.since_ns, span.until_ns, step_ns):
        until_ns = min(since_ns + step_ns, span.until_ns)
        yield Grid(since_ns, length_ns(window), (until_ns - since_ns) // length_ns(window))


def merged(spans: Iterable[Span], *, apart_ns: int = 0) -> list[Span]:
    """Return the spans in order, those joined that overlap or lie at most so far apart."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.since_ns <= found[-1].until_ns + apart_ns:
            found[-1] = Span(found[-1].since_ns, max(found[-1].until_ns, span.until_ns))
        else:
            found.append(span)
    return found


def slot_from(time_ns: int) -> int:
    """Return the first instant of the first slot that begins at or after an instant."""
    return -(-time_ns // SLOT_NS) * SLOT_NS
