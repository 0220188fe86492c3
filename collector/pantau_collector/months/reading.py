"""Months as the store has them: `MonthReader` over the series `sla_area`, `sla_month` and `sla_day`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.months import areas, evidence_reading
from pantau_collector.months.instants import first_instants, month_in, month_of, plus
from pantau_collector.months.lines import area_month, village_as_area, village_month
from pantau_collector.registry.codes import DISTRICT_LENGTH, REGENCY_LENGTH, VILLAGE_LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.months.model import AreaMonth, VillageEvidence, VillageMonth
    from pantau_collector.months.profile_file import ProfileSource
    from pantau_collector.registry.file import RegistrySource
    from pantau_collector.storage.base import SeriesRow, Store


class StoredMonths:
    """A `MonthReader` over a store. Every question is one or two of the store's."""

    def __init__(self, store: Store, registry: RegistrySource, profiles: ProfileSource) -> None:
        self._store, self._registry, self._profiles = store, registry, profiles

    def months(self) -> list[str]:
        """Return the months of which there is anything, newest first; see `MonthReader`."""
        rows = self._store.series(areas.SERIES, where={"area": areas.NATION_TAG})
        return sorted(
            {month_of(row.time_ns) for row in rows if areas.village_count(row.values)}, reverse=True
        )

    def area(self, month: str, code: str) -> AreaMonth | None:
        """Return an area's month, or a village's as an area's; see `MonthReader`."""
        if len(code) == VILLAGE_LENGTH:
            return next((village_as_area(row) for row in self._village_rows(month, code)), None)
        since_ns, until_ns = first_instants(month)
        where = {"area": areas.tag_of(code)}
        rows = self._store.series(areas.SERIES, since_ns=since_ns, until_ns=until_ns, where=where)
        return next((area_month(row) for row in rows if areas.village_count(row.values)), None)

    def children(self, month: str, code: str) -> list[AreaMonth]:
        """Return the months of the areas directly inside, by code; see `MonthReader`."""
        if len(code) == DISTRICT_LENGTH:
            return [village_as_area(row) for row in self._village_rows(month, code)]
        found = map(area_month, areas.children(self._store, month, code))
        return sorted(found, key=lambda one: one.code)

    def villages(self, month: str, within: str) -> list[VillageMonth]:
        """Return the lines of all villages of a regency or district, or of one; see `MonthReader`."""
        return [village_month(row) for row in self._village_rows(month, within)]

    def evidence(self, month: str, village: str) -> VillageEvidence | None:
        """Return all of one village's month; see `MonthReader`."""
        rows = self._village_rows(month, village)
        if not rows:
            return None
        registry, book = self._registry.get(), self._profiles.get()
        return evidence_reading.evidence(self._store, registry, book, month_in(month, village), rows[0])

    def bundle(self, month: str, village: str) -> bytes | None:
        """Return a village's month as a bundle of evidence (zip); see `MonthReader`."""
        rows = self._village_rows(month, village)
        if not rows:
            return None
        registry, book = self._registry.get(), self._profiles.get()
        return evidence_reading.bundled(self._store, registry, book, month_in(month, village), rows[0])

    def trend(self, code: str, months: int = 12) -> Sequence[AreaMonth | VillageMonth]:
        """Return an area's or a village's last months, oldest first; see `MonthReader`."""
        newest = self.months()[:1]
        if not newest or months < 1:
            return []
        since_ns, _ = first_instants(plus(newest[0], 1 - months))
        if len(code) == VILLAGE_LENGTH:
            rows = self._store.series("sla_month", since_ns=since_ns, where={"village": code})
            return [village_month(row) for row in rows if row.values.get("verdict")]
        rows = self._store.series(areas.SERIES, since_ns=since_ns, where={"area": areas.tag_of(code)})
        return [area_month(row) for row in rows if areas.village_count(row.values)]

    def _village_rows(self, month: str, within: str) -> list[SeriesRow]:
        """Return the rows of a village, or of all in a district, regency or province, by code."""
        since_ns, until_ns = first_instants(month)
        tag = {VILLAGE_LENGTH: "village", DISTRICT_LENGTH: "district", REGENCY_LENGTH: "regency"}
        where = {tag.get(len(within), "province"): within} if within else {}
        if len(within) == DISTRICT_LENGTH:
            where["regency"] = within[:REGENCY_LENGTH]
        rows = self._store.series("sla_month", since_ns=since_ns, until_ns=until_ns, where=where)
        known = [row for row in rows if row.values.get("verdict") and month_of(row.time_ns) == month]
        return sorted(known, key=lambda row: row.tags[0])
