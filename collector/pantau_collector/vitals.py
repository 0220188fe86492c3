"""What a collector tells of itself each minute: a row of `pipeline`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from pantau_collector.metrics import Metrics
    from pantau_collector.storage.base import Store

_MINUTE_NS = 60 * 10**9
_COUNTERS = {
    "envelope_count": "pantau_ingest_envelopes_total",
    "point_count": "pantau_ingest_points_total",
    "dead_letter_count": "pantau_ingest_refused_total",
    "deferred_count": "pantau_ingest_deferred_total",
}
_GAUGES = {
    "waiting_bytes": "pantau_ingest_waiting_bytes",
    "dead_letters_bytes": "pantau_dead_letters_bytes",
    "broker_connected": "pantau_broker_connected",
    "store_healthy": "pantau_store_healthy",
    "expiring_certificate_count": "pantau_identity_expiring_certificates",
}
_LIST_ENDS = "pantau_identity_list_ends_timestamp_seconds"


class Vitals:
    """One collector's rows. A minute in which the store did not take its row stays without one."""

    def __init__(self, collector: str, store: Store, metrics: Metrics) -> None:
        self._collector, self._store, self._metrics = collector, store, metrics
        self._before: dict[str, float] = {}

    async def run(self) -> None:
        """Write a row at the end of each minute, until cancelled."""
        while True:
            now_ns = time.time_ns()
            await asyncio.sleep((_MINUTE_NS - now_ns % _MINUTE_NS) / 1e9)
            row = self.row(now_ns - now_ns % _MINUTE_NS)
            with contextlib.suppress(StoreUnavailableError):  # the ingest tells of that
                await asyncio.to_thread(self._store.write_series, [row])

    def row(self, minute_ns: int) -> SeriesRow:
        """Return what happened since the last row, as the row of a minute that is over."""
        now = self._metrics.totals()
        lags_s = sorted(self._metrics.take_lags())
        values: dict[str, float | int | bool | str] = {
            field: int(now.get(name, 0) - self._before.get(name, 0)) for field, name in _COUNTERS.items()
        }
        values |= {field: int(now.get(name, 0)) for field, name in _GAUGES.items()}
        values["breaker_open"] = self._metrics.breaker_open
        if now[_LIST_ENDS]:
            values["revocation_list_left_s"] = now[_LIST_ENDS] - minute_ns / 1e9
        if lags_s:
            values["lag_p50_s"] = lags_s[len(lags_s) // 2]
            values["lag_p95_s"] = lags_s[int(len(lags_s) * 0.95)]
        self._before = now
        return SeriesRow("pipeline", (self._collector,), minute_ns, values)
