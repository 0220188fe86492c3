"""Delay, its variation and loss of a village, a point for each day of a month; days without any are gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pantau_collector.i18n import marked as _
from pantau_collector.months.instants import DAY_NS, span_ns
from pantau_collector.storage.base import Point
from pantau_collector.web import charts, words
from pantau_collector.web.charts import Chart, Plot, Window

if TYPE_CHECKING:
    from pantau_collector.analysis.calendar import Month
    from pantau_collector.i18n import Language
    from pantau_collector.storage.base import SeriesRow, Store

CHART = Chart(
    "latency", _("Delay and loss, day by day"), ("rtd_p50_ms", "rtd_pdv_p95_ms"), strip="rt_loss_ratio"
)
_FIELDS = (*CHART.fields, "rt_loss_ratio")
_TARGET = "testpoint"


def plot(store: Store, village: str, month: Month, language: Language) -> Plot | None:
    """Return the plot of a month's daily rows, None where there are none; raises `StoreUnavailableError`."""
    since_ns, until_ns = span_ns(month)
    rows = store.series("village_1d", since_ns=since_ns, until_ns=until_ns, where={"village": village})
    points = [_point(row) for row in rows if any(name in row.values for name in _FIELDS)]
    if not points:
        return None
    window = Window(since_ns, until_ns, month.zone, language)
    built = charts.build(CHART, (_TARGET, ""), points, window)
    return replace(built, detail=words.of_value("target", _TARGET, language), point_count=0)


def _point(row: SeriesRow) -> Point:
    """Return a day's row as what charts draw, in the midst of its day."""
    return Point(
        kind=CHART.kind,
        device="",
        time_ns=row.time_ns + DAY_NS // 2,
        spool="",
        seq=0,
        boot="",
        uptime_ns=0,
        clock="synced",
        values={name: row.values.get(name) for name in _FIELDS},
    )
