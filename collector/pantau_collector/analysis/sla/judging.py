"""From sums to figures and verdicts, for many villages at once. Source: docs/sla.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.sla import wilson
from pantau_collector.analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.analysis.sla.tally import Tallies

    Figures = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Verdicts = NDArray[np.uint8]


class Verdict(IntEnum):
    """The gravest first: a village's verdict is the least of its metrics'."""

    FAIL = 0
    INSUFFICIENT_DATA = 1
    INCONCLUSIVE = 2
    PASS = 3


METRICS = ("availability", "download", "upload", "latency", "variation", "loss")
# States in which the link was not seen: up in the best case, down in the worst.
IN_DOUBT = (State.UNKNOWN, State.AGENT_DOWN, State.LOCAL_FAULT)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of each village: k of n, the share with its bounds, and the verdict. NaN where n is 0.

    `loss` counts what was lost, all others what was as it should be. A census has no sampling error: its
    bounds are the share itself, availability's what the minutes in doubt leave open.
    """

    n: Figures
    k: Figures
    share: Figures
    lower: Figures
    upper: Figures
    verdict: Verdicts


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything that is said of each village's month."""

    coverage: Figures
    metrics: dict[str, Metric]
    verdict: Verdicts


def judge(tallies: Tallies, profiles: Sequence[Profile]) -> Judgement:
    """Return the judgement; `profiles` holds each village's, the last month's where months are pooled."""
    coverage = coverage_of(tallies)
    covered = coverage >= _terms(profiles, "coverage_min_ratio")
    metrics = {
        "availability": _availability(tallies, covered, _terms(profiles, "availability_target_ratio")),
        "download": _speed(tallies, "download", profiles),
        "upload": _speed(tallies, "upload", profiles),
        "latency": _delay(tallies, "latency", covered, profiles),
        "variation": _delay(tallies, "variation", covered, profiles),
        "loss": _loss(tallies, covered, _terms(profiles, "loss_max_ratio")),
    }
    verdict = np.minimum.reduce([metric.verdict for metric in metrics.values()])
    return Judgement(coverage, metrics, verdict)


def coverage_of(tallies: Tallies) -> Figures:
    """Return (up + link_down) / (minutes of the month - maintenance); 0 where all was maintenance."""
    expected = tallies.month_minutes - tallies.maintenance_minutes
    return np.asarray(tallies.minutes_of(State.UP, State.LINK_DOWN) / np.maximum(expected, 1))


def _availability(tallies: Tallies, covered: Flags, target: Figures) -> Metric:
    up = (tallies.minutes_of(State.UP) - tallies.down_flickers).astype(np.float64)
    n = up + tallies.down_minutes
    doubt = tallies.minutes_of(*IN_DOUBT)
    lower, upper = _share(n + doubt, up), _share(n + doubt, up + doubt)
    verdict = _verdicts(passed=lower >= target, failed=upper < target, enough=covered & (n > 0))
    return Metric(n, up, _share(n, up), lower, upper, verdict)


def _speed(tallies: Tallies, direction: str, profiles: Sequence[Profile]) -> Metric:
    n, k = tallies.number(f"{direction}_n"), tallies.number(f"{direction}_k")
    days = tallies.download_days if direction == "download" else tallies.upload_days
    lower, upper = wilson.bounds(n, k)
    target = _terms(profiles, "speed_share_ratio")
    contracts = [getattr(one, f"contracted_{direction}_bps") for one in profiles]
    known = np.array([contract is not None for contract in contracts], dtype=bool)
    enough = known & (n >= _terms(profiles, "speed_tests_min_count"))
    enough &= days >= _terms(profiles, "speed_days_min_count")
    verdict = _verdicts(passed=lower >= target, failed=upper < target, enough=enough)
    return Metric(n, k, _share(n, k), lower, upper, verdict)


def _delay(tallies: Tallies, name: str, covered: Flags, profiles: Sequence[Profile]) -> Metric:
    n, k = tallies.number(f"{name}_n"), tallies.number(f"{name}_k")
    share = _share(n, k)
    good = share >= _terms(profiles, f"{name}_share_ratio")
    verdict = _verdicts(passed=good, failed=~good, enough=covered & (n > 0))
    return Metric(n, k, share, share, share, verdict)


def _loss(tallies: Tallies, covered: Flags, limit: Figures) -> Metric:
    n, k = tallies.number("sent_count"), tallies.number("lost_count")
    share = _share(n, k)
    good = share <= limit
    verdict = _verdicts(passed=good, failed=~good, enough=covered & (n > 0))
    return Metric(n, k, share, share, share, verdict)


def _verdicts(*, passed: Flags, failed: Flags, enough: Flags) -> Verdicts:
    open_or_not = np.select([failed, passed], [Verdict.FAIL, Verdict.PASS], Verdict.INCONCLUSIVE)
    return np.where(enough, open_or_not, Verdict.INSUFFICIENT_DATA).astype(np.uint8)


def _share(n: Figures, k: Figures) -> Figures:
    return np.asarray(np.divide(k, n, out=np.full(len(n), np.nan), where=n > 0))


def _terms(profiles: Sequence[Profile], name: str) -> Figures:
    return np.array([getattr(one, name) for one in profiles], dtype=np.float64)
