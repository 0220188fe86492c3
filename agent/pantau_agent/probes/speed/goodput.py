"""From samples of a load to its figures. Pure functions.

Goodput is payload per second (RFC 2647, section 3.17), from the end of the ramp-up to the end of the load.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SATURATED_RATIO = 0.9
_BITS = 8
_MIN_WINDOW_S = 0.3
_EDGE_S = 1.0
_SAME_S = 0.01
"""By so much a sample may come late."""
_STABLE_S = 4
_STABLE_BYTES = 4_000_000
_STABLE_SPREAD = 0.05
_MIN_BIN_S = 0.5


class Sample(NamedTuple):
    """Where a load stood at one instant of the monotonic clock, counted from its first request.

    Payload is cumulative, and so are the CPU seconds: of this process, and idle ones of all cores.
    """

    at_s: float
    payload_bytes: int
    process_cpu_s: float = 0.0
    idle_cpu_s: float = 0.0


class Goodput(NamedTuple):
    """Payload between two instants, and the time between them."""

    payload_bytes: int
    duration_s: float
    discard_s: float

    @property
    def bps(self) -> float:
        """Payload bits per second."""
        return self.payload_bytes * _BITS / self.duration_s


def window(samples: Sequence[Sample], discard_s: float) -> tuple[Sample, Sample] | None:
    """Return the first sample at or after `discard_s` and the last, None if too little time lies between."""
    first = next((sample for sample in samples if sample.at_s >= discard_s), None)
    if first is None or samples[-1].at_s - first.at_s < _MIN_WINDOW_S:
        return None
    return first, samples[-1]


def goodput(samples: Sequence[Sample], discard_s: float) -> Goodput | None:
    """Return the goodput after the ramp-up, None if the load ended before or hardly after it.

    The rate is that between the mean of the first second's samples and the mean of the last second's (of a
    quarter, if the load is short): at a slow rate one sample tells more about when the last acknowledgement
    came than about the line.
    """
    ends = window(samples, discard_s)
    if ends is None:
        return None
    first, last = ends
    edge_s = min(_EDGE_S, (last.at_s - first.at_s) / 4) + _SAME_S
    begin = _mean([sample for sample in samples if first.at_s <= sample.at_s <= first.at_s + edge_s])
    end = _mean([sample for sample in samples if sample.at_s >= last.at_s - edge_s])
    bytes_per_s = (end.payload_bytes - begin.payload_bytes) / (end.at_s - begin.at_s)
    elapsed_s = last.at_s - first.at_s
    return Goodput(round(bytes_per_s * elapsed_s), elapsed_s, first.at_s)


def _mean(samples: Sequence[Sample]) -> Sample:
    count = len(samples)
    payload_bytes = round(sum(sample.payload_bytes for sample in samples) / count)
    return Sample(sum(sample.at_s for sample in samples) / count, payload_bytes)


def is_stable(samples: Sequence[Sample], discard_s: float) -> bool:
    """Tell whether the rate stands still: the means of the last 4 seconds differ by less than 5% of theirs.

    All four lie after the ramp-up. Slow lines get their full time: below 4 MB some ten kB at the edges
    matter, and there is little to save.
    """
    end_s = samples[-1].at_s
    ends = window(samples, discard_s)
    if ends is None or end_s - _STABLE_S < discard_s:
        return False
    if ends[1].payload_bytes - ends[0].payload_bytes < _STABLE_BYTES:
        return False
    rates = _rates_bps(samples, [end_s - back for back in range(_STABLE_S, -1, -1)])
    return max(rates) - min(rates) < _STABLE_SPREAD * sum(rates) / len(rates)


def series_bps(samples: Sequence[Sample]) -> tuple[float, ...]:
    """Return the rate in each second from the first request on; a last part counts from half a second up."""
    end_s = samples[-1].at_s
    edges_s = [float(second) for second in range(int(end_s) + 1)]
    if end_s - edges_s[-1] >= _MIN_BIN_S:
        edges_s.append(end_s)
    return tuple(round(max(rate, 0.0), 1) for rate in _rates_bps(samples, edges_s))


def _rates_bps(samples: Sequence[Sample], edges_s: Sequence[float]) -> list[float]:
    """Return the mean rate between each two neighbouring instants."""
    counts = [_bytes_at(samples, edge_s) for edge_s in edges_s]
    return [
        (after - before) * _BITS / (end_s - begin_s)
        for (begin_s, end_s), (before, after) in zip(pairwise(edges_s), pairwise(counts), strict=True)
    ]


def _bytes_at(samples: Sequence[Sample], at_s: float) -> float:
    """Return the payload until an instant, on a straight line between the samples beside it."""
    index = bisect_left(samples, at_s, key=attrgetter("at_s"))
    if index == 0 or index == len(samples):
        return samples[min(index, len(samples) - 1)].payload_bytes
    before, after = samples[index - 1], samples[index]
    share = (at_s - before.at_s) / (after.at_s - before.at_s)
    return before.payload_bytes + share * (after.payload_bytes - before.payload_bytes)


def cpu_saturated(samples: Sequence[Sample], discard_s: float, core_count: int) -> bool:
    """Tell whether the processor may have held the load back while it counted.

    That is: this process used at least 90% of one core (its threads share one interpreter, so that is all it
    can use), or all cores of the machine together were busy for at least 90% of the time.
    """
    ends = window(samples, discard_s)
    if ends is None:
        return False
    first, last = ends
    elapsed_s = last.at_s - first.at_s
    process_ratio = (last.process_cpu_s - first.process_cpu_s) / elapsed_s
    idle_ratio = (last.idle_cpu_s - first.idle_cpu_s) / (elapsed_s * core_count)
    return process_ratio >= SATURATED_RATIO or idle_ratio <= 1 - SATURATED_RATIO


def recent_rate_bps(samples: Sequence[Sample], over_s: float = 1.0) -> float | None:
    """Return the rate over about the last `over_s`, for a person who watches; None while there is none."""
    if len(samples) < 2:  # noqa: PLR2004 - a rate needs two
        return None
    last = samples[-1]
    first = next(sample for sample in samples if sample.at_s >= last.at_s - over_s)
    if first is last:
        first = samples[-2]
    elapsed_s = last.at_s - first.at_s
    return (last.payload_bytes - first.payload_bytes) * _BITS / elapsed_s if elapsed_s > 0 else None
