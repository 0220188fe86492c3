"""Areas' months: how many of their villages got which verdict, and all their tests together.

The rows of `sla_area` are what every page above a district reads: 38 for the nation, not 84,000. Districts
and regencies come from their villages' rows, provinces and the nation from the rows of the areas inside.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.months.instants import first_instants, month_ns, month_of
from pantau_collector.registry.codes import DISTRICT_LENGTH, PROVINCE_LENGTH, REGENCY_LENGTH
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pantau_collector.storage.base import Store

SERIES = "sla_area"
NATION_TAG = "nation"
VERDICTS = {
    "pass": "passed_village_count",
    "fail": "failed_village_count",
    "inconclusive": "inconclusive_village_count",
    "insufficient_data": "insufficient_village_count",
}
_ADDED = (
    *VERDICTS.values(),
    "restitution_minute_count",
    "download_test_count",
    "download_reached_count",
    "upload_test_count",
    "upload_reached_count",
)
Values = dict[str, float | int | bool | str]


def tag_of(code: str) -> str:
    """Return the tag `area` of a code; the nation has a name of its own."""
    return code or NATION_TAG


def parent_of(code: str) -> str:
    """Return the code of the area that an area lies in, `""` of a province; the nation lies in none."""
    if not code:
        raise ValueError("the nation lies in nothing")
    return code.rpartition(".")[0]


def above(regency: str) -> tuple[str, str]:
    """Return the codes of the areas above a regency: its province, and the nation."""
    return regency[:PROVINCE_LENGTH], ""


def of_villages(rows: Iterable[SeriesRow]) -> list[SeriesRow]:
    """Return the rows of regencies and districts from all their villages' rows of one month."""
    found: dict[tuple[str, int], list[Values]] = defaultdict(list)
    for row in rows:
        if row.values.get("verdict"):  # else one that could not be erased
            for length in (DISTRICT_LENGTH, REGENCY_LENGTH):
                found[row.tags[0][:length], row.time_ns].append(_of_village(row.values))
    return [_row(code, time_ns, some) for (code, time_ns), some in sorted(found.items())]


def of_areas(code: str, month: str, rows: Sequence[SeriesRow]) -> list[SeriesRow]:
    """Return the row of a province or the nation from those of the areas inside; none of no rows."""
    known = [row.values for row in rows if village_count(row.values)]
    return [_row(code, month_ns(month, code), known)] if known else []


def children(store: Store, month: str, code: str) -> Iterator[SeriesRow]:
    """Yield the rows of the areas inside an area; raises `StoreUnavailableError`."""
    since_ns, until_ns = first_instants(month)
    rows = store.series(SERIES, since_ns=since_ns, until_ns=until_ns, where={"parent": tag_of(code)})
    return (row for row in rows if village_count(row.values) and month_of(row.time_ns) == month)


def village_count(values: Mapping[str, float | int | bool | str]) -> int:
    """Return how many villages a row of `sla_area` counts."""
    return sum(int(values.get(name, 0)) for name in VERDICTS.values())


def _of_village(values: Mapping[str, float | int | bool | str]) -> Values:
    counts: Values = {name: int(values["verdict"] == verdict) for verdict, name in VERDICTS.items()}
    others = ("coverage_ratio", *_ADDED[len(VERDICTS) :])
    return counts | {name: values.get(name, 0) for name in others}


def _row(code: str, time_ns: int, parts: Sequence[Mapping[str, float | int | bool | str]]) -> SeriesRow:
    values: Values = {name: sum(int(part[name]) for part in parts) for name in _ADDED}
    covered = sum(float(part["coverage_ratio"]) * village_count(part) for part in parts)
    values["coverage_ratio"] = covered / village_count(values)
    parent = tag_of(parent_of(code)) if code else ""
    return SeriesRow(SERIES, (tag_of(code), parent), time_ns, values)
