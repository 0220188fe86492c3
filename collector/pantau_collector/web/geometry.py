"""Where things lie on a plot: scales, ticks, gaps and thinning. Pure functions over numbers."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
GAP_INTERVALS = 2.5  # a silence longer than so many expected intervals is a gap
_NOTHING = 1e-9
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MINUTE, HOUR, DAY = 60, 3600, 86_400
_TIME_STEPS = (
    60,
    120,
    300,
    600,
    900,
    1800,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values between `low` and `high` to coordinates from `start` to `stop`, and clamps the others."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the coordinate, to a tenth of a unit."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.0
        return round(self.start + min(max(share, 0.0), 1.0) * (self.stop - self.start), 1)


def ticks(largest: float, wanted: int = 4) -> list[float]:
    """Return round values from 0 to at least `largest` in about so many steps; `[0, 1]` for nothing."""
    if not largest > _NOTHING or not math.isfinite(largest):
        return [0.0, 1.0]
    rough = largest / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((one * power for one in _STEPS if one * power * (1 + 1e-9) >= rough), 10 * power)
    count = max(1, math.ceil(largest / step - 1e-9))
    return [index * step for index in range(count + 1)]


def time_ticks(since_s: float, until_s: float, offset_s: int, most: int = 6) -> list[int]:
    """Return seconds since 1970 that are round on a local clock `offset_s` ahead of UTC."""
    step = next((step for step in _TIME_STEPS if (until_s - since_s) / step <= most), 7 * DAY)
    first = math.ceil((since_s + offset_s) / step) * step - offset_s
    return list(range(first, math.floor(until_s) + 1, step))


def expected_interval(times: Sequence[int]) -> float:
    """Return the usual distance between neighbouring times: the median; infinite for fewer than two."""
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    return statistics.median(gaps) if gaps else math.inf


def segments(
    samples: Sequence[T], time: Callable[[T], int], value: Callable[[T], float | None]
) -> list[list[T]]:
    """Return the runs that a line may connect: no missing value in them, and no gap in time.

    A gap is a silence longer than `GAP_INTERVALS` expected intervals. What is missing is never drawn over.
    """
    longest = GAP_INTERVALS * expected_interval([time(sample) for sample in samples])
    runs: list[list[T]] = []
    last: T | None = None
    for sample in samples:
        if value(sample) is None:
            last = None
            continue
        if last is None or time(sample) - time(last) > longest:
            runs.append([])
        runs[-1].append(sample)
        last = sample
    return runs


def thin(
    samples: Sequence[T], bins: int, time: Callable[[T], int], bounds: Callable[[T], tuple[float, float]]
) -> list[T]:
    """Return at most two samples of each of `bins` stretches: the lowest and the highest. Few stay all.

    Nothing is averaged or invented: what stays was measured. `bounds` gives a sample's low and high value.
    """
    if len(samples) <= 2 * bins:
        return list(samples)
    first, last = time(samples[0]), time(samples[-1])
    width = max(1, -(-(last - first + 1) // bins))
    stretches: dict[int, list[int]] = {}
    for place, sample in enumerate(samples):
        stretches.setdefault((time(sample) - first) // width, []).append(place)
    spans = [bounds(sample) for sample in samples]
    kept: set[int] = set()
    for places in stretches.values():
        kept.add(min(places, key=lambda place: spans[place][0]))
        kept.add(max(places, key=lambda place: spans[place][1]))
    return [samples[place] for place in sorted(kept)]


def line(points: Sequence[tuple[float, float]]) -> str:
    """Return the path through some coordinates; empty for fewer than two."""
    if len(points) < 2:  # noqa: PLR2004 - one point makes no line
        return ""
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points)


def area(upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]]) -> str:
    """Return the closed path between two lines of equal length; empty for fewer than two points."""
    outline = line([*upper, *reversed(lower)]) if len(upper) > 1 else ""
    return f"{outline}Z" if outline else ""
