"""What one device may do to the others: nothing. Sorts messages within each device's limits.

A device that sends too much is told `deferred`, `rate_limit`; where even that would be too much it is not
answered, and sends again when it has waited long enough. Nothing of either is kept here: the device keeps it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from pantau_collector.deadletters import NOBODY
from pantau_collector.ingest import sorting
from pantau_collector.ingest.boots import BootWatch
from pantau_collector.ingest.keys import KeyCounter
from pantau_collector.ingest.limits import RateLimiter
from pantau_collector.ingest.pace import is_backlog
from pantau_wire import topics
from pantau_wire.errors import InvalidTopicError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.config import IngestConfig
    from pantau_collector.ingest.pace import Pace
    from pantau_collector.ingest.sorting import Message, Rules, Sorted
    from pantau_collector.metrics import Metrics

log = structlog.get_logger()

_QUIET_S = 3600.0
_MAX_NAMED = 10_000


class TooManyKeysError(WireError):
    """A device that invents names: each would be a series of its own for ever."""

    reason = "too_many_keys"


class Admission:
    """Stands before the sorting. One object per process: what it counts is this process's share."""

    def __init__(
        self,
        rules: Rules,
        config: IngestConfig,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin as if nobody had sent anything."""
        self._rules = rules
        self._metrics = metrics
        self._clock = clock
        self._limiter = RateLimiter(config)
        self._keys = KeyCounter(config.device_keys)
        self._max_keys = config.device_keys
        self._boots = BootWatch()
        self._retry_after_s = config.device_burst_s  # then all of the allowance is there again
        self._named: dict[tuple[str, str], float] = {}

    def sort(self, message: Message, now_ns: int, pace: Pace | None = None) -> Sorted | None:
        """Return what is to become of the message; None where it is passed over without an answer.

        Where the pace says that too much waits, old records are put off.
        """
        device = _device_of(message.topic)
        now_s = self._clock()
        limit = self._limiter.exceeded(device, len(message.payload), now_s)
        if limit is not None:
            self._count(device, limit, now_s)
            return self._unread(message, device, now_s)
        found = self._sorted(message, device, now_ns)
        if not self._limiter.takes_records(device, found.entries_count, now_s):
            self._count(device, "records", now_s)
            return self._told(sorting.defer_all(found, self._retry_after_s, "rate_limit"))
        if pace is not None and pace.crowded and is_backlog(found, now_ns):
            self._metrics.put_off.inc()
            retry_after_s = pace.retry_after_s(len(found.records), now_s)
            return self._told(sorting.defer_all(found, retry_after_s, "rate_limit"))
        if found.records:
            self._bound_keys(found, now_ns, now_s)
            self._watch_boots(found, now_s)
        return found

    def _sorted(self, message: Message, device: str, now_ns: int) -> Sorted:
        if device == NOBODY:
            return sorting.sort_message(message, self._rules, now_ns)
        return sorting.sort_message_of(device, message, self._rules, now_ns)

    def _unread(self, message: Message, device: str, now_s: float) -> Sorted | None:
        """Read no more of the message than its numbers, and not even these from who goes on and on."""
        if not self._limiter.may_be_told(device, now_s):
            return self._told(None)
        return self._told(sorting.defer_unread(message, device, self._retry_after_s, "rate_limit"))

    def _told(self, found: Sorted | None) -> Sorted | None:
        if found is None:
            self._metrics.unanswered.inc()
        return found

    def _bound_keys(self, found: Sorted, now_ns: int, now_s: float) -> None:
        excess = self._keys.excess(found.device, found.records, now_ns)
        if excess:
            error = TooManyKeysError(f"more than {self._max_keys} different keys in a day")
            sorting.reject_records(found, excess, error, now_ns)
            self._name("ingest.too_many_keys", found.device, now_s, keys_count=self._max_keys)

    def _watch_boots(self, found: Sorted, now_s: float) -> None:
        if not found.records or found.spool is None:
            return
        both = self._boots.at_once(found.device, found.spool, found.boot, found.records[-1])
        if both is not None:
            self._metrics.two_machines.inc()
            spools = [boot.spool for boot in both]
            boots = [boot.boot for boot in both]
            self._name("ingest.two_machines", found.device, now_s, spools=spools, boots=boots)

    def _count(self, device: str, limit: str, now_s: float) -> None:
        self._metrics.rate_limited.labels(limit).inc()
        self._name("ingest.rate_limited", device, now_s, limit=limit)

    def _name(self, event: str, device: str, now_s: float, **values: object) -> None:
        """Log once an hour who it is: metrics do not say, and a line an envelope would be a flood too."""
        last_s = self._named.get((event, device))
        if last_s is not None and now_s - last_s < _QUIET_S:
            return
        if len(self._named) >= _MAX_NAMED:
            self._named.clear()
        self._named[event, device] = now_s
        log.warning(event, device=device, **values)


def _device_of(topic: str) -> str:
    try:
        return topics.parse(topic)[0]
    except InvalidTopicError:
        return NOBODY  # all of them share one allowance
