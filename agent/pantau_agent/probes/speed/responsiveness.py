"""How many round trips a minute a loaded line still allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.delays import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

_MS_PER_MINUTE = 60_000
_TRIMMED_FROM_PERCENT = 95


def responsiveness_rpm(loaded_rtd_ms: Sequence[float]) -> float | None:
    """Return the round trips per minute under load (RPM); None without round trips.

    A minute over the mean of the delays up to their 95th percentile (the single-sided trimmed mean of
    draft-ietf-ippm-responsiveness, "Aggregating the Measurements"). Of the draft's probes ours are those for
    an HTTP answer beside the load, on a warm connection: handshakes and the loaded connections themselves
    are left out, so the figure compares with itself, not with other tools.
    """
    if not loaded_rtd_ms:
        return None
    most_ms = percentile(loaded_rtd_ms, _TRIMMED_FROM_PERCENT)
    kept_ms = [delay_ms for delay_ms in loaded_rtd_ms if delay_ms <= most_ms]
    mean_ms = sum(kept_ms) / len(kept_ms)
    return round(_MS_PER_MINUTE / mean_ms, 1) if mean_ms > 0 else None
