"""Villages' months of four kinds, judged by the real mathematics from simulated minutes.

Each kind gets the verdict that it is named after: `pass`; `fail` (long outages, slow tests); `inconclusive`
(tests too near the limit); `insufficient_data` (half the month unseen).
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pantau_collector.analysis.calendar import MARGIN_DAYS, Month, parse_month
from pantau_collector.analysis.days import unpacked_states
from pantau_collector.analysis.maintenance import Window
from pantau_collector.analysis.profiles import Profiles, from_mapping
from pantau_collector.analysis.sla import village
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.states import Evidence, Samples, State
from pantau_collector.months.model import (
    DayStates,
    Maintenance,
    Objection,
    Revision,
    SpeedTest,
    VillageEvidence,
    VillageMonth,
)
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from pantau_collector.analysis.days import DayRow
    from pantau_collector.analysis.sla.reported import Report

S = 1_000_000_000
DAY_S = 86_400
KINDS = ("pass", "fail", "inconclusive", "insufficient_data")
CONTRACT = {"contracted_download_bps": 20e6, "contracted_upload_bps": 10e6}
# What a test reaches of its contract, by kind; the last one of five differs.
REACHED = {
    "pass": (0.97, 0.9),
    "fail": (0.79, 0.6),
    "inconclusive": (0.9, 0.7),
    "insufficient_data": (0.9, 0.9),
}
# Local day, hour and minutes of what happens: the line is down, the power or the agent off, nothing known.
DOWN = {"fail": [(3, 9, 1200), (9, 2, 800), (17, 22, 600), (21, 14, 4)], "pass": [(5, 13, 45), (12, 8, 3)]}
POWER = {"pass": [(8, 1, 200)], "fail": [(14, 16, 90)], "inconclusive": [(20, 11, 300)]}
UNSEEN = {"insufficient_data": [(10, 6, 20_000)], "fail": [(25, 3, 120)]}


def evidence(code: str, month: str, kind: str, provider: str = "ISP Merapi") -> VillageEvidence:
    """Return all of a village's month of a kind."""
    found, days, tests, windows = _judged(kind, month, zone_of(code).iana)
    digest = hashlib.sha256(f"{code} {month}".encode()).hexdigest()
    begin_ns = parse_month(month, zone_of(code)).first_minute * 60 * S
    revision = Revision(
        number=1, closed_at_ns=begin_ns + 35 * DAY_S * S, verdict=found.verdict, sha256=digest
    )
    return VillageEvidence(
        line=line(code, found, provider, revision),
        report=found,
        days=days,
        tests=tests,
        maintenance=tuple(
            Maintenance(
                area=code,
                from_ns=int(one.from_s) * S,
                to_ns=int(one.to_s) * S,
                announced_ns=int(one.announced_s) * S,
                by=provider,
                what="ganti kabel",
            )
            for one in windows
        ),
        objections=(_objection(code, month, begin_ns),) if kind == "fail" else (),
        revisions=(revision,),
        registry_version="0" * 64,
    )


def line(code: str, found: Report, provider: str, revision: Revision | None) -> VillageMonth:
    """Return a report in one line."""
    metrics = found.metrics
    return VillageMonth(
        code=code,
        month=found.month,
        provider=provider,
        profile=found.profiles[0].name,
        verdict=found.verdict,
        pooled_verdict=found.verdict,
        metrics={name: one.verdict for name, one in metrics.items()},
        availability_ratio=found.A_ratio,
        availability_min_ratio=found.A_min,
        availability_max_ratio=found.A_max,
        coverage_ratio=found.coverage,
        restitution_minutes=found.restitution_minutes,
        download_tests=metrics["download"].n,
        download_share=metrics["download"].share,
        upload_tests=metrics["upload"].n,
        upload_share=metrics["upload"].share,
        latency_share=metrics["latency"].share,
        variation_share=metrics["variation"].share,
        rt_loss_ratio=metrics["loss"].share,
        revision=revision,
    )


def _objection(code: str, month: str, begin_ns: int) -> Objection:
    return Objection(
        number=f"{code}/{month}/1",
        village=code,
        month=month,
        filed_at_ns=begin_ns + 33 * DAY_S * S,
        by="ISP Merapi",
        text="Kabel putus karena <b>galian</b> jalan.",
    )


@functools.cache
def _judged(
    kind: str, month_text: str, zone: str
) -> tuple[Report, tuple[DayStates, ...], tuple[SpeedTest, ...], list[Window]]:
    month = parse_month(month_text, _zone(zone))
    begin_s = month.first_minute * 60
    windows = [Window(begin_s + 10 * DAY_S, begin_s + 10 * DAY_S + 7200, begin_s + 8 * DAY_S)]
    profiles = Profiles([from_mapping({"name": "default", **CONTRACT})])
    tests = _tests(kind, month)
    rows = village.day_rows(
        village.VillageMonth(
            month, profiles, [village.Device(_samples(kind, month))], _arrays(tests), windows
        )
    )
    own = rows[MARGIN_DAYS : MARGIN_DAYS + month.day_count]
    return report(month, rows, profiles), tuple(map(_states, own)), tests, windows


def _zone(iana: str) -> object:
    return next(zone for zone in map(zone_of, ("33", "51", "91")) if zone.iana == iana)


def _samples(kind: str, month: Month) -> Samples:
    """Return a sample a minute, but where power, agent or knowledge was off."""
    begin_s = month.first_minute * 60
    time_s = np.arange(begin_s - MARGIN_DAYS * DAY_S, begin_s + (month.day_count + MARGIN_DAYS) * DAY_S, 60)
    down, dark, unseen = (_within(time_s, begin_s, table.get(kind, [])) for table in (DOWN, POWER, UNSEEN))
    kept = ~(dark | unseen)
    boot = np.cumsum(np.diff(dark.astype(int), prepend=0) == -1)[kept]
    seq = np.cumsum(kept)[kept] * 7 + 1000 * np.cumsum(np.diff(unseen.astype(int), prepend=0) == -1)[kept]
    time_s, answered = time_s[kept], ~down[kept]
    booted_s = np.array([time_s[boot == one][0] for one in np.unique(boot)])[boot] - 30
    rtd_ms = np.where(answered, 30 + 8 * np.sin(time_s / 7200), np.nan)
    return Samples(
        time_s=time_s.astype(float),
        first_seq=seq,
        last_seq=seq + 6,
        boot=boot,
        uptime_s=(time_s - booted_s).astype(float),
        evidence=np.where(answered, np.uint8(Evidence.ANSWERED), np.uint8(Evidence.UNANSWERED)),
        sent=np.full(len(time_s), 20),
        received=np.where(answered, 20 - (time_s % 1800 == 0), 0),
        rtd_p50_ms=rtd_ms,
        rtd_pdv_p95_ms=rtd_ms / 4,
    )


def _within(time_s: np.ndarray, begin_s: int, spans: list[tuple[int, int, int]]) -> np.ndarray:
    inside = np.zeros(len(time_s), dtype=bool)
    for day, hour, minutes in spans:
        from_s = begin_s + (day - 1) * DAY_S + hour * 3600
        inside |= (time_s >= from_s) & (time_s < from_s + minutes * 60)
    return inside


def _tests(kind: str, month: Month) -> tuple[SpeedTest, ...]:
    begin_s = month.first_minute * 60
    usual, fifth = REACHED[kind]
    days = range(0, month.day_count, 3) if kind == "insufficient_data" else range(month.day_count)
    moments = [begin_s + day * DAY_S + 19 * 3600 + at * 2500 for day in days for at in range(4)]
    found = []
    for number, moment_s in enumerate(moments):
        share = fifth if number % 5 == 4 else usual + 0.02 * np.sin(number)
        found.append(_test(moment_s, share))
    day_s = begin_s + 9 * 3600
    found += [
        _test(day_s + day * DAY_S, 0.5, busy_hour=False, why_not="limited_busy_line") for day in (2, 9, 16)
    ]
    return tuple(sorted(found, key=lambda one: one.time_ns))


def _test(time_s: int, share: float, *, busy_hour: bool = True, why_not: str = "") -> SpeedTest:
    return SpeedTest(
        time_ns=time_s * S,
        device="klaten-1",
        engine="http",
        download_bps=20e6 * share,
        upload_bps=10e6 * share,
        busy_hour=busy_hour,
        why_not=why_not,
    )


def _arrays(tests: tuple[SpeedTest, ...]) -> village.Tests:
    return village.Tests(
        np.array([one.time_ns / S for one in tests]),
        np.array([one.download_bps for one in tests]),
        np.array([one.upload_bps for one in tests]),
        np.array([not one.why_not for one in tests]),
    )


def _states(row: DayRow) -> DayStates:
    runs, maintenance = unpacked_states([row.states])
    told = zip(runs.state.tolist(), runs.minutes.tolist(), maintenance.tolist(), strict=True)
    return DayStates(
        day=row.day, runs=tuple((State(state).name.lower(), minutes, flag) for state, minutes, flag in told)
    )


def without(found: VillageEvidence, **changes: object) -> VillageEvidence:
    """Return the same with some fields changed."""
    return msgspec.structs.replace(found, **changes)
