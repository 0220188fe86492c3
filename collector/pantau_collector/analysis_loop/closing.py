"""Closes months on the 5th of the next, and revises closed ones: a frozen record each, never a silent change.

At most one revision of a village's month comes of a local day, dated with its first instant: what trickles in
for hours is told once, and two runners that overlap write the same record to the same place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pantau_collector.analysis.calendar import instant
from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.windows import MINUTE_NS, Span
from pantau_collector.months import facts, judging, records
from pantau_collector.months.instants import month_ns, plus
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import SeriesRow, Store


class Closing:
    """Closes and revises months of one store, by one version of registry and profiles."""

    def __init__(self, store: Store, registry: Registry, book: ProfileBook) -> None:
        self._store, self._registry, self._book = store, registry, book

    def close(self, villages: Sequence[str], month: str, at_ns: int) -> int:
        """Freeze the month of villages of one regency where nothing is frozen yet, or it is another now.

        Return how many records were written. Raises `StoreUnavailableError`.
        """
        found = judging.judged(self._store, self._registry, self._book, villages, month)
        where: Mapping[str, Sequence[str]] = {"village": villages}
        before = records.read(self._store, month, where)
        now = facts.facts_of(self._store, self._registry, self._book, found.months, month)
        new = [
            record
            for village, one in now.items()
            if (record := self._record(village, month, before.get(village, []), one, at_ns))
        ]
        if not found.months:
            return 0
        where = {"village": [row.tags[0] for row in found.months]}  # what was closed of others stays
        first_ns = month_ns(month, villages[0])
        self._store.add_series([records.to_series(record, first_ns, at_ns) for record in new])
        kept = records.read(self._store, month, where)
        rows = [_with_revision(row, kept.get(row.tags[0], [])) for row in found.months]
        writing.replace(self._store, ["sla_month"], Span(first_ns, first_ns + 1), where, rows)
        span = Span(first_ns, month_ns(plus(month, 1), villages[0]))
        writing.replace(self._store, ["sla_outage"], span, where, list(found.outages))
        return len(new)

    def _record(
        self, village: str, month: str, kept: Sequence[SeriesRow], now: records.Facts, at_ns: int
    ) -> records.Record | None:
        """Return what is to be frozen, None where the last record says the same."""
        reason = records.reasons(records.from_series(kept[-1]).facts, now) if kept else ""
        if kept and not reason:
            return None
        return records.Record(
            village=village,
            month=month,
            revision=len(kept) + 1,
            closed_at=instant(at_ns // MINUTE_NS, zone_of(village)),
            reason=reason,
            previous_sha256=str(kept[-1].values["record_sha256"]) if kept else "",
            registry_version=self._registry.version,
            facts=now,
        )


def _with_revision(row: SeriesRow, kept: Sequence[SeriesRow]) -> SeriesRow:
    """Return a month's row with its last record's number, date, fingerprint and reason."""
    if not kept:
        return row
    last = records.revision_of(kept[-1])
    values = row.values | {
        "revision_number": last.number,
        "closed_at_ns": last.closed_at_ns,
        "record_sha256": last.sha256,
        "revision_reason": last.reason,
    }
    return msgspec.structs.replace(row, values=values)
