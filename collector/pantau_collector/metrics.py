"""What the collector says of itself, in Prometheus' terms."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


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
        self.write_seconds = Histogram(
            "pantau_store_write_seconds", "How long a batch took to be durable", registry=registry
        )
        self.batch_records = Histogram(
            "pantau_store_batch_records",
            "Records per batch",
            buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000),
            registry=registry,
        )
        self.broker_connected = Gauge(
            "pantau_broker_connected", "Whether the broker is connected", registry=registry
        )
        self.store_healthy = Gauge(
            "pantau_store_healthy", "Whether the last write succeeded", registry=registry
        )
        self.store_healthy.set(1)

    def text(self) -> bytes:
        """Return the exposition format."""
        return generate_latest(self._registry)
