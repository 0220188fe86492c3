"""What the months of villages rest on now, to be frozen or compared with what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.analysis.days import judged
from pantau_collector.analysis.profiles import Profiles
from pantau_collector.analysis.sla import RULES_VERSION
from pantau_collector.analysis.sla.report import report
from pantau_collector.months import dayrows, records
from pantau_collector.months.instants import margined_span_ns, month_in
from pantau_collector.months.villages import terms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.days import DayRow
    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.months.villages import Terms
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import SeriesRow, Store


def facts_of(
    store: Store, registry: Registry, book: ProfileBook, months: Sequence[SeriesRow], month: str
) -> dict[str, records.Facts]:
    """Return the facts of villages of one regency whose month was judged: rows of `sla_month`."""
    if not months:
        return {}
    pooled = {row.tags[0]: str(row.values["pooled_verdict"]) for row in months}
    calendar = month_in(month, min(pooled))
    days = dayrows.read(store, pooled, *margined_span_ns(calendar))
    terms = terms_of(registry, book, pooled, calendar)
    return {village: _facts(calendar, days[village], one, pooled[village]) for village, one in terms.items()}


def _facts(month: Month, rows: Sequence[DayRow], terms: Terms, pooled_verdict: str) -> records.Facts:
    profiles = Profiles(terms.profiles.within(month))  # the margins are not counted: theirs decide nothing
    counted = [judged(row, profiles.on(row.day)) for row in rows]
    return records.Facts(
        rules=RULES_VERSION,
        provider=terms.provider,
        profiles=profiles.within(month),
        days_sha256=records.sha256(records.day_lines(counted)),
        report=report(month, counted, profiles),
        pooled_verdict=pooled_verdict,
    )
