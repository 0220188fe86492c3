"""What the collector says of itself, in Prometheus' terms."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Iterable

_LAGS_KEPT = 20_000


class Metrics:
    """The collector's counters; one object per process."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = CollectorRegistry()
        registry = self._registry
        self.envelopes = Counter("pantau_ingest_envelopes", "Envelopes received", registry=registry)
        self.points = Counter("pantau_ingest_points", "Points written for the first time", registry=registry)
        self.repeated = Counter("pantau_ingest_repeated", "Points written before", registry=registry)
        self.altered = Counter(
            "pantau_ingest_altered", "Points that are stored with other values", registry=registry
        )
        self.refused = Counter(
            "pantau_ingest_refused", "Dead letters by reason", ["reason"], registry=registry
        )
        self.deferred = Counter(
            "pantau_ingest_deferred", "Records deferred by reason", ["reason"], registry=registry
        )
        self.rate_limited = Counter(
            "pantau_ingest_rate_limited",
            "Envelopes of devices that send too much, by what they exceed",
            ["limit"],
            registry=registry,
        )
        self.put_off = Counter(
            "pantau_ingest_put_off",
            "Envelopes of old records that have to come back, so that new ones need not wait",
            registry=registry,
        )
        self.unanswered = Counter(
            "pantau_ingest_unanswered",
            "Rate-limited envelopes that were not even answered",
            registry=registry,
        )
        self.two_machines = Counter(
            "pantau_ingest_two_machines",
            "Envelopes of devices of which two boots run at once: a copied card, or a shared certificate",
            registry=registry,
        )
        self.waiting_bytes = Gauge(
            "pantau_ingest_waiting_bytes",
            "Inflated envelopes that were received and are not written yet",
            registry=registry,
        )
        self.held_back = Counter(
            "pantau_ingest_held_back",
            "How often the broker had to wait because too much was waiting here",
            registry=registry,
        )
        self.rotated = Counter(
            "pantau_dead_letters_rotated",
            "Dead letters that made room for newer ones, by reason",
            ["reason"],
            registry=registry,
        )
        self.dead_letters_bytes = Gauge(
            "pantau_dead_letters_bytes", "How much of the dead letters' file is in use", registry=registry
        )
        self.write_seconds = Histogram(
            "pantau_store_write_seconds", "How long a batch took to be durable", registry=registry
        )
        self.batch_records = Histogram(
            "pantau_store_batch_records",
            "Records per batch",
            buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000),
            registry=registry,
        )
        self.broker_connected = Gauge(
            "pantau_broker_connected", "Whether the broker is connected", registry=registry
        )
        self.store_healthy = Gauge(
            "pantau_store_healthy", "Whether the last write succeeded", registry=registry
        )
        self.store_healthy.set(1)
        self.revocation_list_ends = Gauge(
            "pantau_identity_list_ends_timestamp_seconds",
            "When the revocation list lapses and locks everybody out; 0 where no authority is kept",
            registry=registry,
        )
        self.expiring_certificates = Gauge(
            "pantau_identity_expiring_certificates",
            "Subjects whose certificate ends within 45 days",
            registry=registry,
        )

        self.breaker_open = False
        self._lags_s: collections.deque[float] = collections.deque(maxlen=_LAGS_KEPT)

    def note_lags(self, measured_ns: Iterable[int]) -> None:
        """Note when what has just been stored was measured (ns since 1970), a time for each envelope."""
        now_ns = time.time_ns()
        self._lags_s.extend([(now_ns - time_ns) / 1e9 for time_ns in measured_ns])

    def take_lags(self) -> list[float]:
        """Return how old the envelopes were that were stored since the last call (s), and forget them."""
        return [self._lags_s.popleft() for _ in range(len(self._lags_s))]

    def totals(self) -> dict[str, float]:
        """Return every counter and gauge by its name in the exposition format, labels summed up."""
        found: dict[str, float] = {}
        for metric in self._registry.collect():
            for sample in metric.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def text(self) -> bytes:
        """Return the exposition format."""
        return generate_latest(self._registry)
