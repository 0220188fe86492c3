"""Marks what was stored late, so that the analysis computes its windows anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import LIVE_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_collector.storage.base import Parcel


def late_marks(parcels: Iterable[Parcel], now_ns: int) -> list[SeriesRow]:
    """Return a mark for each device with measurements that are older than the live horizon.

    `now_ns` is the time after they became durable: what is not marked was there in time.
    """
    horizon_ns = now_ns - LIVE_NS
    spans: dict[str, tuple[int, int]] = {}
    for parcel in parcels:
        times_ns = parcel.times_ns
        if min(times_ns) < horizon_ns:
            late_ns = [time_ns for time_ns in times_ns if time_ns < horizon_ns]
            since_ns, until_ns = spans.get(parcel.device, (late_ns[0], late_ns[0]))
            spans[parcel.device] = (min(since_ns, *late_ns), max(until_ns, *late_ns))
    return [
        SeriesRow("late", (device,), now_ns, {"since_ns": since_ns, "until_ns": until_ns})
        for device, (since_ns, until_ns) in spans.items()
    ]
