"""InfluxQL queries as Grafana keeps them; the foundation SDK has no builder for InfluxDB.

The keys are those of Grafana's plugin: public/app/plugins/datasource/influxdb/types.ts, `InfluxQuery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from pantau_dashboards.places import DATASOURCES

if TYPE_CHECKING:
    from pantau_collector.storage.series import Retention
    from pantau_dashboards.influxql import Statement

PLUGIN = "influxdb"
Format = Literal["time_series", "table"]


@dataclass(frozen=True, slots=True)
class InfluxQuery(Dataquery):
    """One query of a panel; `alias` names its series, with `$tag_village` and `$col` filled in."""

    ref_id: str
    statement: Statement
    result_format: Format = "time_series"
    alias: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the query as it stands in a dashboard."""
        payload: dict[str, object] = {
            "refId": self.ref_id,
            "datasource": datasource(self.statement.retention),
            "rawQuery": True,
            "query": self.statement.text,
            "resultFormat": self.result_format,
        }
        return payload | ({"alias": self.alias} if self.alias else {})


def datasource(retention: Retention) -> DataSourceRef:
    """Return the reference to the data source that holds such rows."""
    return DataSourceRef(type_val=PLUGIN, uid=DATASOURCES[retention])


MIXED = DataSourceRef(type_val="datasource", uid="-- Mixed --")
"""For a panel whose queries go to several data sources."""
