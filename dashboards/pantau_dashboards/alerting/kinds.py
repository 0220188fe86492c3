"""Every kind of alert there is."""

from __future__ import annotations

from dataclasses import replace

from pantau_collector.storage.series import ALERTS, AREA_TAGS
from pantau_dashboards.alerting.kind import Kind, Measure
from pantau_dashboards.alerting.pipeline_kinds import PIPELINE_KINDS
from pantau_dashboards.alerting.surge_kinds import SURGE_KINDS
from pantau_dashboards.alerting.village_kinds import VILLAGE_KINDS

REGENCY_KINDS = (*VILLAGE_KINDS, *SURGE_KINDS)
KINDS = (*REGENCY_KINDS, *PIPELINE_KINDS)

_ACTIVE_TAGS = (*AREA_TAGS, "alert")


def _read_from_active_alerts(kind: Kind) -> Kind:
    """Return a kind that asks the analysis what is out of bounds, instead of looking for itself."""
    return replace(
        kind,
        measures=(
            Measure("active", "active_alerts", 'last("active")', _ACTIVE_TAGS),
            Measure("value", "active_alerts", 'last("value")', _ACTIVE_TAGS),
        ),
        computed=(),
        condition="$active > 0",
        shown=("value", kind.shown[1]),
        wait_s=0,
        interval_s=300,
    )


ACTIVE_ALERTS: tuple[Kind, ...] = tuple(
    _read_from_active_alerts(kind) for kind in REGENCY_KINDS if kind.name in ALERTS
)
"""The kinds that the analysis keeps in `active_alerts`, as rules of a whole province read them."""
