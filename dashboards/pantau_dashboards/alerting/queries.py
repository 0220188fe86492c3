"""InfluxQL of alert rules: what InfluxDB 1.6, 2 and 3 all understand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pantau_collector.storage.series import SERIES
from pantau_dashboards.alerting.model import Query
from pantau_dashboards.places import DATASOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_dashboards.alerting.kind import Measure


def query(measure: Measure, conditions: Iterable[str]) -> Query:
    """Return a measure's query; `conditions` are InfluxQL's, beside the measure's own and the time's."""
    wanted = [*conditions, *([measure.where] if measure.where else []), "$timeFilter"]
    grouping = ", ".join([f'"{tag}"' for tag in measure.tags])
    text = f'SELECT {measure.select} FROM "{measure.series}" WHERE {" AND ".join(wanted)}'  # noqa: S608 - our own names
    return Query(
        name=measure.name,
        text=f"{text} GROUP BY {grouping}" if grouping else text,
        datasource=DATASOURCES[SERIES[measure.series].retention],
        range_s=measure.range_s,
    )


def in_area(tag: str, code: str) -> str:
    """Return the condition that a point lies in an area; codes are digits and dots."""
    return f"\"{tag}\" = '{code}'"


def in_villages(codes: Iterable[str], *, inside: bool) -> str:
    """Return the condition that a point is of one of these villages, or of none of them."""
    pattern = "|".join([re.escape(code) for code in codes])
    return f'"village" {"=~" if inside else "!~"} /^({pattern})$/'


def of_alert(name: str) -> str:
    """Return the condition that a row of `active_alerts` is about one kind of alert."""
    return f"\"alert\" = '{name}'"
