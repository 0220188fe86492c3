"""A village's day in one row: everything that a month, or another profile, needs of it.

The minutes under maintenance stand in the row's states with a flag, so that outages can be judged across them
while they leave the account. Delays and tests of such minutes are left out. Source: docs/sla.md.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pantau_collector.analysis import delays
from pantau_collector.analysis.calendar import DAY_MINUTES
from pantau_collector.analysis.states import Runs, State, runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pantau_collector.analysis.profiles import Profile

MAINTENANCE = 0x80
RUN = np.dtype([("state", "u1"), ("minutes", "<u2")])
TEST = np.dtype([("second_of_day", "<u4"), ("download_bps", "<f8"), ("upload_bps", "<f8")])


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One village, one local day. Counts are of minutes, probes and tests: `_n` were judged, `_k` are good.

    `states`: runs of `RUN`, the state with `MAINTENANCE` added where it applies. `tests`: the counted speed
    tests, `TEST`, NaN for a direction that was not measured. `day_rules`: the profile's fingerprint that `_k`
    rests on.
    """

    day: date
    day_rules: str
    states: bytes
    latency_n: int = 0
    latency_k: int = 0
    latency_sum_ms: float = 0.0
    latency_histogram: bytes = b""
    variation_n: int = 0
    variation_k: int = 0
    variation_sum_ms: float = 0.0
    variation_histogram: bytes = b""
    sent_count: int = 0
    lost_count: int = 0
    download_n: int = 0
    download_k: int = 0
    download_sum_bps: float = 0.0
    upload_n: int = 0
    upload_k: int = 0
    upload_sum_bps: float = 0.0
    uncounted_tests: int = 0
    tests: bytes = b""


NO_STATES = np.array([(State.UNKNOWN, DAY_MINUTES)], dtype=RUN).tobytes()


def packed_states(states: NDArray[np.uint8], maintenance: NDArray[np.bool_]) -> bytes:
    """Return a day's states in run-length form, minutes under maintenance flagged."""
    runs = runs_of(np.where(maintenance, states | np.uint8(MAINTENANCE), states))
    packed = np.empty(len(runs.state), dtype=RUN)
    packed["state"], packed["minutes"] = runs.state, runs.minutes
    return packed.tobytes()


def unpacked_states(rows: Iterable[bytes]) -> tuple[Runs, NDArray[np.bool_]]:
    """Return the runs of some days' rows, one after the other, and which are under maintenance."""
    packed = np.frombuffer(b"".join(rows), dtype=RUN)
    runs = Runs(packed["state"] & np.uint8(MAINTENANCE - 1), packed["minutes"].astype(np.int64))
    return runs, packed["state"] >= MAINTENANCE


def judged(row: DayRow, profile: Profile) -> DayRow:
    """Return the row with what depends on a profile counted by this one; sums and histograms stay."""
    if row.day_rules == profile.day_rules:
        return row
    return msgspec.structs.replace(
        row,
        day_rules=profile.day_rules,
        latency_k=delays.at_most(row.latency_histogram, profile.latency_max_ms),
        variation_k=delays.at_most(row.variation_histogram, profile.variation_max_ms),
        **speed_counts(np.frombuffer(row.tests, dtype=TEST), row.day, profile),
    )


def speed_counts(tests: NDArray[np.void], day: date, profile: Profile) -> dict[str, Any]:
    """Return `n`, `k` and sum of each direction, from a day's counted tests in the profile's busy hours."""
    first, end = profile.busy_minutes(day)
    minute = tests["second_of_day"] // 60
    busy = tests[(minute >= first) & (minute < end)]
    found: dict[str, Any] = {}
    for direction, contracted_bps in (
        ("download", profile.contracted_download_bps),
        ("upload", profile.contracted_upload_bps),
    ):
        rates_bps = busy[f"{direction}_bps"]
        rates_bps = rates_bps[~np.isnan(rates_bps)]
        reached = rates_bps / contracted_bps >= profile.speed_rate_ratio if contracted_bps else np.zeros(0)
        found[f"{direction}_n"] = len(rates_bps)
        found[f"{direction}_k"] = int(np.count_nonzero(reached))
        found[f"{direction}_sum_bps"] = float(rates_bps.sum())
    return found
