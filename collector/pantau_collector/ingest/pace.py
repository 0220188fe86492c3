"""Whether a backlog has to come back later, so that what was measured just now need not wait behind it.

Everything goes to the store in the order of arrival. After an outage thousands of devices send old records,
more than a store takes; what waits is therefore bounded by time. Old records beyond it are deferred: their
device keeps them, and new ones find a short queue. What the broker holds is read as fast as it can be read.

Who is put off is told to come back when the store will have room, one after the other. Times are seconds of a
monotonic clock, handed in by the caller.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pantau_collector.storage.series import LIVE_NS

if TYPE_CHECKING:
    from pantau_collector.config import IngestConfig
    from pantau_collector.ingest.sorting import Sorted

_RATE_OVER_S = 5.0  # of writing: so far back goes what is known of the store's speed
_RETRY_S = (1.0, 300.0)  # devices add up to half of it themselves


class Pace:
    """Knows what waits to be written, and how fast the store has been of late."""

    def __init__(self, config: IngestConfig) -> None:
        """Begin with a store that is as fast as one likes."""
        self._wait_s = config.backlog_wait_s
        self._least_records = config.batch_records  # less than that makes no store's work easier
        self._most_bytes = config.waiting_mb * 1_000_000 / 2  # the other half is for what is new
        self._written_records = 0.0
        self._writing_s = 0.0
        self._last_ended_s = 0.0
        self._room_at_s = 0.0
        self.waiting_records = 0
        self.waiting_bytes = 0

    def waits(self, found: Sorted) -> None:
        """Count a message that waits to be written."""
        self.waiting_records += len(found.records)
        self.waiting_bytes += found.text_bytes

    def released(self, records_count: int, text_bytes: int) -> None:
        """Count what waits no longer."""
        self.waiting_records -= records_count
        self.waiting_bytes -= text_bytes

    def written(self, records_count: int, began_s: float, ended_s: float) -> None:
        """Learn how long a batch took; of the time beside another batch only what it took longer counts."""
        took_s = ended_s - max(began_s, self._last_ended_s)
        self._last_ended_s = ended_s
        past = math.exp(-took_s / _RATE_OVER_S)
        self._written_records = past * self._written_records + records_count
        self._writing_s = past * self._writing_s + took_s

    @property
    def records_per_s(self) -> float:
        """How many records the store takes in a second; infinitely many before anything is known."""
        return self._written_records / self._writing_s if self._writing_s else math.inf

    @property
    def crowded(self) -> bool:
        """Whether old records would wait too long."""
        if self.waiting_bytes >= self._most_bytes:
            return True
        return self.waiting_records >= max(self._least_records, self.records_per_s * self._wait_s)

    def retry_after_s(self, records_count: int, now_s: float) -> float:
        """Return when so many records shall come back: behind what waits, and whom was told so before."""
        shortest_s, longest_s = _RETRY_S
        room_at_s = max(self._room_at_s, now_s + self._wait_s) + records_count / self.records_per_s
        self._room_at_s = min(room_at_s, now_s + longest_s)
        return max(shortest_s, self._room_at_s - now_s)


def is_backlog(found: Sorted, now_ns: int) -> bool:
    """Return whether a message holds records, and none of them is new."""
    times_ns = [record.time_ns for record in found.records]
    return bool(times_ns) and max(times_ns) < now_ns - LIVE_NS
