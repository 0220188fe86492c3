"""When months are judged, closed and revised: what follows from days that were settled or recomputed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

from pantau_collector.analysis.calendar import MARGIN_DAYS
from pantau_collector.analysis_loop.closing import Closing
from pantau_collector.analysis_loop.month_rows import MonthRows, months_touched
from pantau_collector.analysis_loop.windows import DAY_NS, Span, floor_ns, offset_ns
from pantau_collector.months.instants import closes_at_ns, local_day, month_ns, plus
from pantau_collector.registry.codes import REGENCY_LENGTH
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pantau_collector.analysis_loop.cursors import Cursors
    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.storage.base import Store

log = structlog.get_logger()


class MonthWork:
    """Months of one store, on cursors of each regency: `months`, `first`, `closed`, `closing`, `reopened`.

    `settled` says up to when the days of a regency are settled. `breathe` is called between parts.
    """

    def __init__(
        self, store: Store, cursors: Cursors, settled: Callable[[str], int], breathe: Callable[[], None]
    ) -> None:
        self._store, self._cursors, self._settled, self._breathe = store, cursors, settled, breathe

    def follow(self, places: Places, regency: str) -> None:
        """Judge the months of the days that were settled since, of all at first, and close what is due."""
        until_ns = self._settled(regency)
        since_ns = self._cursors.get(f"months {regency}")
        if since_ns is None:
            since_ns = self._first_day_ns(regency)
            self._cursors.set(f"first {regency}", since_ns)
        if since_ns < until_ns:
            self.judge(
                places, {village: [Span(since_ns, until_ns)] for village in places.villages_of(regency)}
            )
            self._cursors.set(f"months {regency}", until_ns)
        if self._cursors.get(f"closing {regency}") != until_ns:
            self._close_due(places, regency, until_ns)
            self._cursors.set(f"closing {regency}", until_ns)

    def judge(self, places: Places, spans: Mapping[str, Sequence[Span]]) -> None:
        """Judge the open months of villages that settled days of these spans have a say in.

        Closed months are only noted: `follow` revises them.
        """
        alike: dict[str, list[str]] = defaultdict(list)
        for village, some in spans.items():
            for month in self._months(village, some):
                if month < self._first_open(village[:REGENCY_LENGTH]):
                    self._cursors.set(f"reopened {village[:REGENCY_LENGTH]} {month}", 1)
                else:
                    alike[month].append(village)
        work = MonthRows(self._store, places.registry, places.book, self._breathe)
        for month, villages in sorted(alike.items()):
            work.refresh(villages, [month])

    def _months(self, village: str, spans: Sequence[Span]) -> list[str]:
        """Return the months that settled days of some spans have a say in, none before the first day's."""
        regency = village[:REGENCY_LENGTH]
        settled_ns, first_ns = self._settled(regency), self._cursors.get(f"first {regency}")
        past = [
            Span(one.since_ns, min(one.until_ns, settled_ns)) for one in spans if one.since_ns < settled_ns
        ]
        if first_ns is None or not past:
            return []  # all of it is judged when the first day is settled
        begun_ns = floor_ns(min(one.since_ns for one in past), "1d", offset_ns(regency))
        if begun_ns < first_ns:
            first_ns = begun_ns
            self._cursors.set(f"first {regency}", first_ns)
        zone = zone_of(village)
        # The first days may be the margin of the month that follows: two days alone are never enough.
        first, last = (
            str(local_day(at_ns, zone))[:7] for at_ns in (first_ns + MARGIN_DAYS * DAY_NS, settled_ns - 1)
        )
        found = {month for span in past for month in months_touched(span, last)}
        return sorted(month for month in found if month >= first)

    def _first_day_ns(self, regency: str) -> int:
        """Return when a regency's first day begins: one that was imported, or the first that was settled."""
        days = self._store.span("sla_day")
        return floor_ns(days[0] if days else self._settled(regency), "1d", offset_ns(regency))

    def _first_open(self, regency: str) -> str:
        """Return the first month that is not closed."""
        known = self._cursors.get(f"closed {regency}")
        if known is None:
            known = (self._cursors.get(f"first {regency}") or 0) + MARGIN_DAYS * DAY_NS
        return str(local_day(known, zone_of(regency)))[:7]

    def _close_due(self, places: Places, regency: str, at_ns: int) -> None:
        """Revise what was reopened, then close the months that are due, oldest first."""
        villages = places.villages_of(regency)
        for month in self._cursors.beginning_with(f"reopened {regency} "):
            self._close(places, villages, month, at_ns)
            self._cursors.set(f"reopened {regency} {month}", 0)
        while closes_at_ns(month := self._first_open(regency), regency) <= at_ns:
            self._close(places, villages, month, at_ns)
            self._cursors.set(f"closed {regency}", month_ns(plus(month, 1), regency))

    def _close(self, places: Places, villages: Sequence[str], month: str, at_ns: int) -> None:
        self._breathe()
        regency = villages[0][:REGENCY_LENGTH]
        count = Closing(self._store, places.registry, places.book).close(villages, month, at_ns)
        rows = MonthRows(self._store, places.registry, places.book)
        rows.regency(regency, month)
        rows.above([regency], month)
        if count:
            log.info("month.closed", regency=regency, month=month, records_count=count)
