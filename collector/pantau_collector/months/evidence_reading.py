"""All that one village's month rests on, as the store has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.calendar import DAY_MINUTES, offset_minutes
from pantau_collector.analysis.days import MAINTENANCE, NO_STATES, RUN, judged
from pantau_collector.analysis.profiles import Profiles
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.states import State
from pantau_collector.months import bundle, dayrows, maintenance, objections, records
from pantau_collector.months.instants import MINUTE_NS, local_day, margined_span_ns, span_ns
from pantau_collector.months.lines import village_month
from pantau_collector.months.model import DayStates, SpeedTest, VillageEvidence
from pantau_collector.months.villages import terms_of
from pantau_collector.months.words import OUTSIDE_BUSY_HOURS
from pantau_collector.registry.codes import area_tags

if TYPE_CHECKING:
    from datetime import date

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.days import DayRow
    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import SeriesRow, Store


def day_inputs(store: Store, village: str, month: Month, profiles: Profiles) -> list[DayRow]:
    """Return the stored days of a village's month and its margins, counted by the profile of the day."""
    rows = dayrows.read(store, [village], *margined_span_ns(month))[village]
    return [judged(row, profiles.on(row.day)) for row in rows]


def evidence(
    store: Store, registry: Registry, book: ProfileBook, month: Month, row: SeriesRow
) -> VillageEvidence:
    """Return the evidence of the month whose row of `sla_month` this is; raises `StoreUnavailableError`.

    Of a closed month report, profiles and registry are those of its last record.
    """
    line = village_month(row)
    kept = records.read(store, line.month, {"village": line.code}).get(line.code, [])
    record = records.from_series(kept[-1]) if kept and line.revision else None
    if record:
        profiles, version = Profiles(record.facts.profiles), record.registry_version
    else:
        terms = terms_of(registry, book, [line.code], month).get(line.code)
        profiles = terms.profiles if terms else Profiles(book.versions(line.profile))
        version = registry.version
    rows = day_inputs(store, line.code, month, profiles)
    announced = maintenance.standing(store, area_tags(line.code))
    return VillageEvidence(
        line=line,
        report=record.facts.report if record else report(month, rows, profiles),
        days=tuple(_states(month, rows)),
        tests=tuple(tests(store, line.code, month, profiles)),
        maintenance=tuple(maintenance.of_month(announced, month)),
        objections=tuple(objections.listed(store, line.code, line.month)),
        revisions=tuple(map(records.revision_of, kept)),
        registry_version=version,
    )


def bundled(store: Store, registry: Registry, book: ProfileBook, month: Month, row: SeriesRow) -> bytes:
    """Return the bundle of the month whose row of `sla_month` this is; raises `StoreUnavailableError`."""
    found = evidence(store, registry, book, month, row)
    profiles = Profiles(found.report.profiles)
    kept = records.read(store, found.line.month, {"village": found.line.code}).get(found.line.code, [])
    texts = [str(one.values["record"]) for one in kept]
    return bundle.build(found, day_inputs(store, found.line.code, month, profiles), profiles, texts)


def tests(store: Store, village: str, month: Month, profiles: Profiles) -> list[SpeedTest]:
    """Return all speed tests of a village's month, by time, each with what keeps it from counting."""
    since_ns, until_ns = span_ns(month)
    rows = store.series("sla_test", since_ns=since_ns, until_ns=until_ns, where={"village": village})
    return [_test(row, month, profiles) for row in rows]


def _test(row: SeriesRow, month: Month, profiles: Profiles) -> SpeedTest:
    day = local_day(row.time_ns, month.zone)
    busy = _is_busy(row.time_ns, day, month, profiles.on(day))
    why_not = str(row.values.get("why_not", ""))
    return SpeedTest(
        time_ns=row.time_ns,
        device=row.tags[0],
        engine=row.tags[-1],
        download_bps=_rate(row, "download_goodput_bps"),
        upload_bps=_rate(row, "upload_goodput_bps"),
        busy_hour=busy,
        why_not=why_not or ("" if busy else OUTSIDE_BUSY_HOURS),
    )


def _rate(row: SeriesRow, name: str) -> float | None:
    return float(row.values[name]) if name in row.values else None


def _is_busy(time_ns: int, day: date, month: Month, profile: Profile) -> bool:
    first, end = profile.busy_minutes(day)
    return first <= (time_ns // MINUTE_NS + offset_minutes(month.zone)) % DAY_MINUTES < end


def _states(month: Month, rows: list[DayRow]) -> list[DayStates]:
    """Return the month's own days, unknown ones where there is no row."""
    by_day = {row.day: row.states for row in rows}
    return [DayStates(day=day, runs=_runs(by_day.get(day, NO_STATES))) for day in month.days[2:-2]]


def _runs(states: bytes) -> tuple[tuple[str, int, bool], ...]:
    packed = np.frombuffer(states, dtype=RUN)
    return tuple(
        (State(state % MAINTENANCE).name.lower(), minutes, state >= MAINTENANCE)
        for state, minutes in zip(packed["state"].tolist(), packed["minutes"].tolist(), strict=True)
    )
