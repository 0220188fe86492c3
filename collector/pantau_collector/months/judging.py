"""The month of a regency's villages, judged from day rows: the rows of `sla_month` and `sla_outage`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.analysis.sla import RULES_VERSION, interruptions, tally
from pantau_collector.analysis.sla.judging import Verdict, judge
from pantau_collector.months import regency_days, sums
from pantau_collector.months.instants import MINUTE_NS, first_instants, month_in, plus
from pantau_collector.months.villages import Terms, terms_of
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.analysis.sla.judging import Judgement
    from pantau_collector.analysis.sla.tally import Days, Tallies
    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import Store

POOLED_MONTHS = 3
_RATIOS = {
    "availability_ratio": ("availability", "share"),
    "availability_min_ratio": ("availability", "lower"),
    "availability_max_ratio": ("availability", "upper"),
    "latency_within_ratio": ("latency", "share"),
    "variation_within_ratio": ("variation", "share"),
    "rt_loss_ratio": ("loss", "share"),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows of a month: one for each village that was judged, and interruptions."""

    months: list[SeriesRow]
    outages: Iterable[SeriesRow]


def judged(
    store: Store, registry: Registry, book: ProfileBook, villages: Sequence[str], month: str
) -> Judged:
    """Return the month of villages of one regency; raises `StoreUnavailableError`.

    The two months before are taken from their own rows of `sla_month`.
    """
    calendar = month_in(month, villages[0])
    terms = terms_of(registry, book, villages, calendar)
    if not terms:
        return Judged([], [])
    days = regency_days.read(store, calendar, terms)
    profiles = [one.profiles.on(calendar.first_day) for one in terms.values()]
    found = tally.tally(days, profiles)
    pooled = judge(found + _earlier(store, list(terms), month), profiles)
    time_ns = calendar.first_minute * MINUTE_NS
    names = [one.name for one in profiles]
    rows = _rows(terms, names, time_ns, judgement=judge(found, profiles), pooled=pooled, found=found)
    return Judged(list(rows), _interruptions(list(terms), days, profiles))


def _earlier(store: Store, villages: Sequence[str], month: str) -> Tallies:
    """Return what the two months before add up to, zeros where there is nothing."""
    since_ns, _ = first_instants(plus(month, 1 - POOLED_MONTHS))
    until_ns, _ = first_instants(month)
    found = store.series_columns(
        "sla_month",
        ("village", "time_ns", "sums"),
        since_ns=since_ns,
        until_ns=until_ns,
        where={"village": list(villages)},
    )
    stored: dict[tuple[str, int], str] = {}
    for village, time_ns, text in zip(found["village"], found["time_ns"], found["sums"], strict=True):
        if text:
            stored[village, time_ns] = text
    by_village: dict[str, list[str]] = {village: [] for village in villages}
    for (village, _), text in sorted(stored.items()):
        by_village[village].append(text)
    parts = [
        sums.tallies([(by_village[village][place : place + 1] or [""])[0] for village in villages])
        for place in range(POOLED_MONTHS - 1)
    ]
    return parts[0] + parts[1]


def _rows(
    terms: Mapping[str, Terms],
    names: Sequence[str],
    time_ns: int,
    *,
    judgement: Judgement,
    pooled: Judgement,
    found: Tallies,
) -> Iterator[SeriesRow]:
    added = sums.texts(found)
    for number, (village, (provider, _)) in enumerate(terms.items()):
        values: dict[str, float | int | bool | str] = {
            "verdict": word(judgement.verdict[number]),
            **{f"{name}_verdict": word(metric.verdict[number]) for name, metric in judgement.metrics.items()},
            "pooled_verdict": word(pooled.verdict[number]),
            "coverage_ratio": float(judgement.coverage[number]),
            "restitution_minute_count": int(found.long_minutes[number]),
            "rules_version": RULES_VERSION,
            "profile": names[number],
            "sums": added[number],
        }
        for way in ("download", "upload"):
            values[f"{way}_test_count"] = int(judgement.metrics[way].n[number])
            values[f"{way}_reached_count"] = int(judgement.metrics[way].k[number])
        for column, (metric, bound) in _RATIOS.items():
            ratio = float(getattr(judgement.metrics[metric], bound)[number])
            if not math.isnan(ratio):
                values[column] = ratio
        yield SeriesRow("sla_month", (*area_tags(village), provider), time_ns, values)


def _interruptions(villages: Sequence[str], days: Days, profiles: Sequence[Profile]) -> Iterator[SeriesRow]:
    for one in interruptions.of_month(days, profiles):
        tags = (*area_tags(villages[one.village]), one.cause.name.lower())
        values: dict[str, float | int | bool | str] = {
            "minute_count": one.minutes,
            "until_ns": one.end * MINUTE_NS,
            "long": one.long,
            "restitution_minute_count": one.restitution,
        }
        yield SeriesRow("sla_outage", tags, one.begin * MINUTE_NS, values)


def word(verdict: int) -> str:
    """Return a verdict's word."""
    return Verdict(verdict).name.lower()
