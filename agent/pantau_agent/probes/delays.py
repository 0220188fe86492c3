"""Figures over round-trip delays. Pure functions; delays in milliseconds, in the order of sending.

A lost packet is None in the input and takes part in counts only: it has no delay. Differences are rounded to
a nanosecond, which keeps the noise of binary fractions out of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayFigures:
    """What one sample of packets says; what nothing was received or sent for is absent."""

    sent_count: int
    received_count: int
    rt_loss_ratio: float | None = None
    rtd_min_ms: float | None = None
    rtd_p50_ms: float | None = None
    rtd_p95_ms: float | None = None
    rtd_max_ms: float | None = None
    rtd_pdv_p95_ms: float | None = None
    rtd_ipdv_p95_ms: float | None = None


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` percent of the values do not exceed.

    That is the percentile of the empirical distribution function (RFC 2330, section 11.3): always one of
    the values, never interpolated. Raises ValueError without values or outside 0 to 100.
    """
    if not values or not 0 <= percent <= 100:  # noqa: PLR2004 - percent
        raise ValueError("a percentile needs values, and lies between 0 and 100")
    rank = math.ceil(percent * len(values) / 100)
    return sorted(values)[max(rank, 1) - 1]


def optional_percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the percentile, or None without values."""
    return percentile(values, percent) if values else None


def delay_variations(delays_ms: Sequence[float]) -> list[float]:
    """Return each delay minus the smallest of the sample (PDV, RFC 5481, section 4.2)."""
    smallest = min(delays_ms, default=0.0)
    return [round(delay - smallest, 6) for delay in delays_ms]


def neighbour_differences(delays_ms: Sequence[float | None]) -> list[float]:
    """Return the absolute delay differences of packets sent one after the other (IPDV, RFC 3393).

    The selection function is "consecutive received packets": a pair of which one was lost does not exist.
    """
    pairs = pairwise(delays_ms)
    both = [(earlier, later) for earlier, later in pairs if earlier is not None and later is not None]
    return [round(abs(later - earlier), 6) for earlier, later in both]


def figures(delays_ms: Sequence[float | None]) -> DelayFigures:
    """Return all figures of one sample, one entry a packet sent."""
    received = [delay for delay in delays_ms if delay is not None]
    lost = len(delays_ms) - len(received)
    return DelayFigures(
        sent_count=len(delays_ms),
        received_count=len(received),
        rt_loss_ratio=lost / len(delays_ms) if delays_ms else None,
        rtd_min_ms=min(received, default=None),
        rtd_p50_ms=optional_percentile(received, 50),
        rtd_p95_ms=optional_percentile(received, 95),
        rtd_max_ms=max(received, default=None),
        rtd_pdv_p95_ms=optional_percentile(delay_variations(received), 95),
        rtd_ipdv_p95_ms=optional_percentile(neighbour_differences(delays_ms), 95),
    )
