"""Says of one village's month every figure that the verdict rests on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pantau_collector.analysis.calendar import instant
from pantau_collector.analysis.sla import RULES_VERSION, interruptions, tally
from pantau_collector.analysis.sla.judging import METRICS, Judgement, Metric, Verdict, judge
from pantau_collector.analysis.sla.reported import MetricReport, OutageReport, Report
from pantau_collector.analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.days import DayRow
    from pantau_collector.analysis.profiles import Profile, Profiles
    from pantau_collector.analysis.sla.reported import Why
    from pantau_collector.analysis.sla.tally import Days, Tallies


def report(month: Month, rows: Sequence[DayRow], profiles: Profiles) -> Report:
    """Return the verdict on one village's month from its day rows, each judged by the profile of its day."""
    days = tally.of_rows(month, [rows])
    governing = profiles.on(month.first_day)
    sums = tally.tally(days, [governing])
    judgement = judge(sums, [governing])
    availability = judgement.metrics["availability"]
    return Report(
        rules=RULES_VERSION,
        month=str(month),
        timezone=month.zone.iana,
        verdict=_word(judgement.verdict[0]),
        A_ratio=_number(availability.share[0]),
        A_min=_number(availability.lower[0]),
        A_max=_number(availability.upper[0]),
        coverage=float(judgement.coverage[0]),
        restitution_minutes=int(sums.long_minutes[0]),
        short_outage_minutes=int(sums.short_minutes[0]),
        short_outages_count=bool(sums.short_minutes[0] > governing.short_outages_allowed_minutes),
        uncounted_tests=int(sums.number("uncounted_tests")[0]),
        minutes=_minutes(sums),
        metrics={name: _metric(name, judgement, sums, governing) for name in METRICS},
        outages=_outages(days, governing),
        profiles=profiles.within(month),
    )


def _minutes(sums: Tallies) -> dict[str, int]:
    by_state = {state.name.lower(): int(sums.state_minutes[0, state]) for state in State}
    return {
        "month": int(sums.month_minutes[0]),
        **by_state,
        "maintenance": int(sums.maintenance_minutes[0]),
    }


def _metric(name: str, judgement: Judgement, sums: Tallies, profile: Profile) -> MetricReport:
    metric = judgement.metrics[name]
    speed = name in {"download", "upload"}
    insufficient = metric.verdict[0] == Verdict.INSUFFICIENT_DATA
    days = int(getattr(sums, f"{name}_days")[0]) if speed else None
    return MetricReport(
        verdict=_word(metric.verdict[0]),
        n=int(metric.n[0]),
        k=int(metric.k[0]),
        share=_number(metric.share[0]),
        lower=_number(metric.lower[0]),
        upper=_number(metric.upper[0]),
        target=_target(name, profile),
        why=_why(name, metric, profile) if insufficient else None,
        days=days,
        mean=_mean(name, sums),
    )


def _target(name: str, profile: Profile) -> float:
    keys = {
        "availability": "availability_target_ratio",
        "download": "speed_share_ratio",
        "upload": "speed_share_ratio",
        "loss": "loss_max_ratio",
    }
    return float(getattr(profile, keys.get(name, f"{name}_share_ratio")))


def _why(name: str, metric: Metric, profile: Profile) -> Why:
    """Return why there is not enough data, the first reason that holds."""
    if name in {"download", "upload"} and getattr(profile, f"contracted_{name}_bps") is None:
        return "no_contract"
    if not metric.n[0]:
        return "nothing_measured"
    if name not in {"download", "upload"}:
        return "low_coverage"
    return "few_tests" if metric.n[0] < profile.speed_tests_min_count else "few_days"


def _mean(name: str, sums: Tallies) -> float | None:
    sum_of = {
        "download": "download_sum_bps",
        "upload": "upload_sum_bps",
        "latency": "latency_sum_ms",
        "variation": "variation_sum_ms",
    }
    if name not in sum_of:
        return None
    n = sums.number(f"{name}_n")[0]
    return float(sums.number(sum_of[name])[0] / n) if n else None


def _outages(days: Days, profile: Profile) -> list[OutageReport]:
    """Return the outages that touch the month, in order."""
    zone = days.month.zone
    first, last = days.month.first_minute, days.month.first_minute + days.month.minute_count
    return [
        OutageReport(
            from_at=instant(one.begin, zone),
            to_at=instant(one.end, zone),
            minutes=one.minutes,
            counted=one.counted,
            long=one.long,
        )
        for one in interruptions.outages(days, [profile])
        if one.begin < last and one.end > first
    ]


def _word(verdict: int) -> str:
    return Verdict(verdict).name.lower()


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
