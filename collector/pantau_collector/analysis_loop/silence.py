"""How long each registered device and village has been silent, while somebody was there to listen.

Counted are the minutes since a device's last measurement in which at least one collector was connected to its
broker and its store answered, as the `pipeline` rows tell: an outage of our own silences nobody.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from pantau_collector.analysis_loop.windows import DAY_NS, MINUTE_NS
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import Store

LONGEST_NS = 30 * DAY_NS
"""Longer silences than 30 days are told as 30 days."""
_READ_AGAIN_NS = 5 * MINUTE_NS


class Listening:
    """The minutes in which our own ingest was healthy, read as they come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._minutes: list[int] = []
        self._read_until_ns = 0

    def read(self, now_ns: int) -> None:
        """Read what is new; raises `StoreUnavailableError`."""
        since_ns = max(self._read_until_ns - _READ_AGAIN_NS, now_ns - LONGEST_NS, 0)
        rows = self._store.series("pipeline", since_ns=since_ns, until_ns=now_ns)
        healthy = {
            row.time_ns // MINUTE_NS
            for row in rows
            if row.values.get("broker_connected") and row.values.get("store_healthy")
        }
        self._minutes = sorted(
            {minute for minute in self._minutes if minute * MINUTE_NS < since_ns} | healthy
        )
        self._read_until_ns = now_ns

    def minutes_between(self, since_ns: int, until_ns: int) -> int:
        """Return how many healthy minutes lie wholly between two instants."""
        first = bisect.bisect_left(self._minutes, -(-since_ns // MINUTE_NS))
        return max(0, bisect.bisect_left(self._minutes, until_ns // MINUTE_NS) - first)


class Silences:
    """When each device was last heard."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listening = Listening(store)
        self._last_ns: dict[str, int] = {}

    def heard(self, last_ns: Mapping[str, int]) -> None:
        """Take note of when devices measured."""
        for device, time_ns in last_ns.items():
            self._last_ns[device] = max(time_ns, self._last_ns.get(device, 0))

    def rows(self, registry: Registry, time_ns: int, now_ns: int) -> list[SeriesRow]:
        """Return the silence of every registered device and village; raises `StoreUnavailableError`."""
        self._listening.read(now_ns)
        found: list[SeriesRow] = []
        villages: dict[str, int] = {}
        for device in registry.devices:
            placement = registry.at(device, time_ns)
            if placement is None or not placement.active:
                continue
            since_ns = max(self._last(device, now_ns), time_ns - LONGEST_NS)
            if since_ns == time_ns - LONGEST_NS:
                since_ns = max(since_ns, placement.since_ns)
            silent = self._listening.minutes_between(since_ns, time_ns)
            villages[placement.village] = min(silent, villages.get(placement.village, silent))
            found.append(_row("device_silence", (device, *area_tags(placement.village)), time_ns, silent))
        found += [
            _row("village_silence", area_tags(village), time_ns, silent)
            for village, silent in sorted(villages.items())
        ]
        return found

    def _last(self, device: str, now_ns: int) -> int:
        """Return when a device was last heard, by the store where we do not know; 0 for never."""
        if device not in self._last_ns:
            newest = (
                self._store.points(kind, device, since_ns=now_ns - LONGEST_NS, newest=1) for kind in KINDS
            )
            self._last_ns[device] = max((points[-1].time_ns for points in newest if points), default=0)
        return self._last_ns[device]


def _row(series: str, tags: Iterable[str], time_ns: int, silent: int) -> SeriesRow:
    return SeriesRow(series, tuple(tags), time_ns, {"silent_minutes": float(silent)})
