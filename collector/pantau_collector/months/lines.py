"""Rows of `sla_month` and `sla_area` as what is shown of a month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantau_collector.analysis.sla.judging import METRICS
from pantau_collector.months import areas
from pantau_collector.months.instants import month_of
from pantau_collector.months.model import COUNT_FIELDS, NATION, AreaMonth, Counts, Revision, VillageMonth

if TYPE_CHECKING:
    from pantau_collector.storage.base import SeriesRow


def area_month(row: SeriesRow) -> AreaMonth:
    """Return a row of `sla_area`."""
    code = NATION if row.tags[0] == areas.NATION_TAG else row.tags[0]
    counts = {COUNT_FIELDS[verdict]: int(row.values[name]) for verdict, name in areas.VERDICTS.items()}
    return _area(code, row, Counts(**counts))


def village_as_area(row: SeriesRow) -> AreaMonth:
    """Return a row of `sla_month` as the month of an area of one village."""
    verdict = str(row.values["verdict"])
    return _area(row.tags[0], row, Counts(**{COUNT_FIELDS[verdict]: 1}))


def village_month(row: SeriesRow) -> VillageMonth:
    """Return a row of `sla_month`."""
    values: dict[str, Any] = row.values
    return VillageMonth(
        code=row.tags[0],
        month=month_of(row.time_ns),
        provider=row.tags[4],
        profile=values.get("profile", ""),
        verdict=values["verdict"],
        pooled_verdict=values.get("pooled_verdict"),
        metrics={name: values[f"{name}_verdict"] for name in METRICS if f"{name}_verdict" in values},
        availability_ratio=values.get("availability_ratio"),
        availability_min_ratio=values.get("availability_min_ratio"),
        availability_max_ratio=values.get("availability_max_ratio"),
        coverage_ratio=values.get("coverage_ratio"),
        restitution_minutes=values.get("restitution_minute_count", 0),
        latency_share=values.get("latency_within_ratio"),
        variation_share=values.get("variation_within_ratio"),
        rt_loss_ratio=values.get("rt_loss_ratio"),
        revision=_revision(values),
        **_tests(values),
    )


def _area(code: str, row: SeriesRow, counts: Counts) -> AreaMonth:
    values: dict[str, Any] = row.values
    return AreaMonth(
        code=code,
        month=month_of(row.time_ns),
        counts=counts,
        coverage_ratio=values.get("coverage_ratio"),
        restitution_minutes=values.get("restitution_minute_count", 0),
        **_tests(values),
    )


def _tests(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for way in ("download", "upload"):
        tests, reached = values.get(f"{way}_test_count", 0), values.get(f"{way}_reached_count", 0)
        found |= {f"{way}_tests": tests, f"{way}_share": reached / tests if tests else None}
    return found


def _revision(values: dict[str, Any]) -> Revision | None:
    if not values.get("revision_number"):
        return None
    return Revision(
        number=values["revision_number"],
        closed_at_ns=values["closed_at_ns"],
        verdict=values["verdict"],
        sha256=values["record_sha256"],
        reason=values.get("revision_reason", ""),
    )
