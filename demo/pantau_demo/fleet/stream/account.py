"""What came of a fleet's envelopes and records, as numbers."""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_MILLI = 1000
_KIB = 1024


@dataclass(slots=True)
class Account:
    """Counts since the stream began. Lags are from when a minute was due until its records were stored."""

    envelopes_sent: int = 0
    envelopes_again: int = 0
    envelopes_refused: int = 0
    envelopes_unanswered: int = 0
    records_measured: int = 0
    records_stored: int = 0
    records_rejected: int = 0
    records_lost_by_card: int = 0
    deferrals: Counter[str] = field(default_factory=Counter)
    hostile_sent: int = 0
    hostile_answers: Counter[str] = field(default_factory=Counter)
    behind_s: float = 0.0
    _lags_ms: Counter[int] = field(default_factory=Counter)
    _began_s: float = field(default_factory=time.monotonic)
    _cpu_began_s: float = field(default_factory=time.process_time)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the stream began."""
        return time.monotonic() - self._began_s

    def lag(self, seconds: float) -> None:
        """Note how late something was stored."""
        self._lags_ms[round(max(0.0, seconds) * _MILLI)] += 1

    def lag_s(self, share: float) -> float | None:
        """Return the lag that a share of the envelopes did not exceed; None while nothing was answered."""
        left = share * self._lags_ms.total()
        for lag_ms in sorted(self._lags_ms):
            left -= self._lags_ms[lag_ms]
            if left <= 0:
                return lag_ms / _MILLI
        return None

    def told(self, waiting_records: int, unanswered_records: int) -> dict[str, Any]:
        """Return everything, for JSON: of the records that wait some are on their way, and not answered."""
        elapsed_s = self.elapsed_s
        return {
            "elapsed_s": round(elapsed_s, 1),
            "envelopes_sent": self.envelopes_sent,
            "envelopes_per_s": round(self.envelopes_sent / elapsed_s, 1),
            "envelopes_again": self.envelopes_again,
            "envelopes_refused": self.envelopes_refused,
            "envelopes_unanswered": self.envelopes_unanswered,
            "records_measured": self.records_measured,
            "records_stored": self.records_stored,
            "records_rejected": self.records_rejected,
            "records_lost_by_card": self.records_lost_by_card,
            "records_waiting": waiting_records,
            "records_unanswered": unanswered_records,
            "deferrals": dict(self.deferrals),
            "hostile_sent": self.hostile_sent,
            "hostile_answers": dict(self.hostile_answers),
            "lag_p50_s": self.lag_s(0.5),
            "lag_p95_s": self.lag_s(0.95),
            "lag_max_s": self.lag_s(1.0),
            "behind_s": round(self.behind_s, 2),
            "cpu_cores": round((time.process_time() - self._cpu_began_s) / elapsed_s, 3),
            "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB,
        }
