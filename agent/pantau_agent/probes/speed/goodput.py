"""From samples of a load to its figures. Pure functions.

Goodput is payload per second (RFC 2647, section 3.17), from the end of the ramp-up to the end of the load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SATURATED_RATIO = 0.9
_BITS = 8
_MIN_WINDOW_S = 0.3


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

    Both ends are samples as they were taken: nothing is interpolated, the discard returned is the real one.
    """
    ends = window(samples, discard_s)
    if ends is None:
        return None
    first, last = ends
    return Goodput(last.payload_bytes - first.payload_bytes, last.at_s - first.at_s, first.at_s)


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
