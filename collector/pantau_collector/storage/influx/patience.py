"""When to leave a server alone, and when its refusals are no fault of single points."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_collector.errors import StoreRefusesError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """Closed for a while after each failure, longer each time: as long as the server says, if it does.

    Who comes to a closed gate gets the last failure again, and the server is not troubled.
    """

    def __init__(
        self, first_s: float = 1.0, longest_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin open."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._failure: StoreUnavailableError | None = None

    def check(self) -> None:
        """Raise the last failure, with what is left of the time, while the gate is closed."""
        left_s = self._closed_until - self._clock()
        if self._failure is not None and left_s > 0:
            raise type(self._failure)(str(self._failure), left_s)

    def failed(self, failure: StoreUnavailableError) -> None:
        """Close the gate."""
        longest_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 16))
        wait_s = failure.retry_after_s
        if wait_s is None:
            wait_s = random.uniform(longest_s / 2, longest_s)  # noqa: S311 - jitter, not a secret
        self._failures += 1
        self._failure = failure
        self._closed_until = self._clock() + wait_s

    def passed(self) -> None:
        """Open the gate for good."""
        self._failures = 0
        self._failure = None


@dataclass(slots=True)
class _Tally:
    points_count: int = 0
    devices: set[str] = field(default_factory=set)


class Breaker:
    """Opens when one reason hits several devices, or one percent of all points: then nothing is refused.

    Counted within a window. It raises, for a `Gate` to be closed. The batch that is tried next opens it again
    as soon as the same reason hits one percent of that batch.
    """

    window_s = 600.0
    hold_s = 60.0
    max_devices = 5
    max_ratio = 0.01
    least_points = 20  # a single device with a few bad points must not stop a small fleet

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin closed."""
        self._clock = clock
        self._lock = threading.Lock()
        self._window_ends = 0.0
        self._points_count = 0
        self._tallies: dict[str, _Tally] = defaultdict(_Tally)
        self._opened_by = ""

    def entered(self, points_count: int) -> None:
        """Count points that are about to be sent."""
        with self._lock:
            if self._clock() >= self._window_ends:
                self._begin_window()
            self._points_count += points_count

    def refused(self, group: str, words: str, device: str) -> None:
        """Count a refused point of a group of reasons; raise `StoreRefusesError` at one too many."""
        with self._lock:
            tally = self._tallies[group]
            tally.points_count += 1
            tally.devices.add(device)
            if self._is_systemic(group, tally):
                self._open(group, words, tally)

    def settled(self) -> None:
        """Say that everything which entered has found its place."""
        with self._lock:
            self._opened_by = ""

    def _is_systemic(self, group: str, tally: _Tally) -> bool:
        if len(tally.devices) >= self.max_devices:
            return True
        least = 1 if group == self._opened_by else self.least_points
        return tally.points_count >= max(least, self.max_ratio * self._points_count)

    def _open(self, group: str, words: str, tally: _Tally) -> None:
        summary = (
            f"InfluxDB refuses {tally.points_count} point(s) of {len(tally.devices)} device(s),"
            f" which is no fault of theirs: {words}"
        )
        self._opened_by = group
        self._begin_window()
        raise StoreRefusesError(summary, self.hold_s)

    def _begin_window(self) -> None:
        self._window_ends = self._clock() + self.window_s
        self._points_count = 0
        self._tallies.clear()
