"""Marks what was stored late, so that the analysis computes its windows anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import LIVE_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_collector.storage.base import Arrival


def late_marks(arrivals: Iterable[Arrival], now_ns: int) -> list[SeriesRow]:
    """Return a mark for each device with measurements that are older than the live horizon.

    `now_ns` is the time after they became durable: what is not marked was there in time.
    """
    horizon_ns = now_ns - LIVE_NS
    spans: dict[str, tuple[int, int]] = {}
    for arrival in arrivals:
        time_ns = arrival.record.time_ns
        if time_ns < horizon_ns:
            since_ns, until_ns = spans.get(arrival.device, (time_ns, time_ns))
            spans[arrival.device] = (min(since_ns, time_ns), max(until_ns, time_ns))
    return [
        SeriesRow("late", (device,), now_ns, {"since_ns": since_ns, "until_ns": until_ns})
        for device, (since_ns, until_ns) in spans.items()
    ]
