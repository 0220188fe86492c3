"""Judges months and puts their rows in the place of what is stored: villages, interruptions, areas."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.analysis.calendar import MARGIN_DAYS
from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.windows import DAY_NS, Span
from pantau_collector.months import areas, judging
from pantau_collector.months.instants import first_instants, local_day, month_ns, plus
from pantau_collector.registry.codes import REGENCY_LENGTH
from pantau_collector.registry.timezones import WIB, WIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import Store


class MonthRows:
    """Months of one store by one version of registry and profiles. `breathe` is called between parts."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        book: ProfileBook,
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._registry, self._book, self._breathe = store, registry, book, breathe

    def refresh(self, villages: Iterable[str], months: Sequence[str]) -> int:
        """Judge these months, oldest first, and all areas above; return how many rows changed."""
        changed_count = 0
        of_regency: dict[str, list[str]] = defaultdict(list)
        for village in villages:
            of_regency[village[:REGENCY_LENGTH]].append(village)
        for month in sorted(months):
            for regency, some in sorted(of_regency.items()):
                changed_count += self.villages(sorted(some), month)
                changed_count += self.regency(regency, month)
                self._breathe()
            changed_count += self.above(of_regency, month)
        return changed_count

    def villages(self, villages: Sequence[str], month: str) -> int:
        """Judge the month of villages of one regency."""
        found = judging.judged(self._store, self._registry, self._book, villages, month)
        first_ns, end_ns = month_ns(month, villages[0]), month_ns(plus(month, 1), villages[0])
        where: Mapping[str, Sequence[str]] = {"village": villages}
        return writing.replace(
            self._store, ["sla_month"], Span(first_ns, first_ns + 1), where, found.months
        ) + writing.replace(self._store, ["sla_outage"], Span(first_ns, end_ns), where, list(found.outages))

    def regency(self, regency: str, month: str) -> int:
        """Count a regency and its districts from its villages' rows."""
        first_ns = month_ns(month, regency)
        rows = self._store.series(
            "sla_month", since_ns=first_ns, until_ns=first_ns + 1, where={"regency": regency}
        )
        found = areas.of_villages(rows)
        span = Span(first_ns, first_ns + 1)
        changed_count = writing.replace(
            self._store,
            [areas.SERIES],
            span,
            {"area": [regency]},
            [row for row in found if row.tags[0] == regency],
        )
        districts = [row for row in found if row.tags[0] != regency]
        return changed_count + writing.replace(
            self._store, [areas.SERIES], span, {"parent": [regency]}, districts
        )

    def above(self, regencies: Iterable[str], month: str) -> int:
        """Count the provinces of some regencies, and the nation."""
        provinces = sorted({areas.above(regency)[0] for regency in regencies})
        return sum(self._area(code, month) for code in [*provinces, ""])

    def _area(self, code: str, month: str) -> int:
        rows = areas.of_areas(code, month, list(areas.children(self._store, month, code)))
        span = Span(*first_instants(month))
        return writing.replace(self._store, [areas.SERIES], span, {"area": [areas.tag_of(code)]}, rows)


def months_touched(span: Span, until: str) -> list[str]:
    """Return the months that days of a span have a say in, up to `until`: with margins, and pooled ones."""
    found = {plus(month, later) for month in _months_around(span) for later in range(judging.POOLED_MONTHS)}
    return sorted(month for month in found if month <= until)


def _months_around(span: Span) -> set[str]:
    first = str(local_day(max(0, span.since_ns - MARGIN_DAYS * DAY_NS), WIB))[:7]
    last = str(local_day(span.until_ns + MARGIN_DAYS * DAY_NS, WIT))[:7]
    months = {first}
    while first < last:
        first = plus(first, 1)
        months.add(first)
    return months
