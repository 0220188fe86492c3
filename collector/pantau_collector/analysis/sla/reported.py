"""What is said of one village's month, ready for JSON: the forms, without what computes them."""

from __future__ import annotations

from typing import Literal

import msgspec

from pantau_collector.analysis.profiles import Profile

Why = Literal["nothing_measured", "low_coverage", "no_contract", "few_tests", "few_days"]


class MetricReport(msgspec.Struct, frozen=True, kw_only=True):
    """A metric: `k` of `n`, the share, its bounds, what was promised; `why` there is not enough data, if so.

    `loss` counts lost probes and promises at most `target`, the others count what is as it should be and
    promise at least that. `mean`: bit/s of speed, ms of delays.
    """

    verdict: str
    n: int
    k: int
    share: float | None
    lower: float | None
    upper: float | None
    target: float
    why: Why | None = None
    days: int | None = None
    mean: float | None = None


class OutageReport(msgspec.Struct, frozen=True, kw_only=True, rename={"from_at": "from", "to_at": "to"}):
    """An outage that touches the month: from its first minute down to the end of its last, in local time.

    `minutes`: how long it lasted in its own minutes, those in other months and under maintenance included.
    `counted`: those in the account of this month.
    """

    from_at: str
    to_at: str
    minutes: int
    counted: int
    long: bool


class Report(msgspec.Struct, frozen=True, kw_only=True, rename={"A_ratio": "A"}):
    """The verdict on a village's month. `minutes`: by state, and of maintenance; their sum is `month`."""

    rules: str
    month: str
    timezone: str
    verdict: str
    A_ratio: float | None
    A_min: float | None
    A_max: float | None
    coverage: float
    restitution_minutes: int
    short_outage_minutes: int
    short_outages_count: bool
    uncounted_tests: int
    minutes: dict[str, int]
    metrics: dict[str, MetricReport]
    outages: list[OutageReport]
    profiles: list[Profile]
