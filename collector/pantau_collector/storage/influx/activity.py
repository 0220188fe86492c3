"""How much is held of each device, counted in the points themselves: no counter that could drift from them.

Finding the first and last point of a series is cheap; counting reads everything. Where counting all devices
is slow, the counts are kept for a while; when a device was last heard of is always asked anew.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.storage.base import DeviceActivity
from pantau_collector.storage.influx import questions
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pantau_collector.storage.influx.client import Client

_SLOW_S = 1.0
_KEEP_RATIO = 20  # counting may take a twentieth of the server's time

Counts = dict[str, dict[str, int]]
"""Points by device and kind."""


class ActivityReader:
    """Remembers counts that took long. Thread-safe: at worst two threads count."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet."""
        self._client = client
        self._clock = clock
        self._kept: Counts = {}
        self._kept_until = 0.0

    def read(self, device: str | None) -> list[DeviceActivity]:
        """Return what is held of each device, or of the one, ordered by id."""
        times = self._times(device)
        counts = self._counts(device) if device is not None else self._counts_of_all()
        return [
            DeviceActivity(name, min(times[name]), max(times[name]), counts.get(name, {}))
            for name in sorted(times)
        ]

    def _times(self, device: str | None) -> Mapping[str, list[int]]:
        """Return the times of each device's first and last points."""
        asked = [
            questions.activity(function, kind, device) for function in ("first", "last") for kind in KINDS
        ]
        found: dict[str, list[int]] = defaultdict(list)
        for _, series in self._client.ask(*asked):
            found[series.tags["device"]] += [time_ns for time_ns, _ in series.values]
        return found

    def _counts_of_all(self) -> Counts:
        began_s = self._clock()
        if began_s >= self._kept_until:
            self._kept = self._counts(None)
            took_s = self._clock() - began_s
            self._kept_until = began_s + took_s * (_KEEP_RATIO if took_s > _SLOW_S else 0)
        return self._kept

    def _counts(self, device: str | None) -> Counts:
        kinds = list(KINDS)
        found: Counts = defaultdict(dict)
        for number, series in self._client.ask(
            *(questions.activity("count", kind, device) for kind in kinds)
        ):
            found[series.tags["device"]][kinds[number]] = int(series.values[0][1])
        return found
