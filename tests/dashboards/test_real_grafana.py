"""Every panel's queries through a Grafana that whoever runs the tests started.

Set PANTAU_TEST_GRAFANA_URL and PANTAU_TEST_GRAFANA_TOKEN (service account, role Admin); Grafana must reach
this machine's loopback. The tests make data sources of their own and take them away again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.dashboards import grafana

from pantau_dashboards.places import DATABASE_SUFFIXES, DATASOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dashboards.grafana import Json, Viewer
    from tests.dashboards.server import Server

URL = os.environ.get("PANTAU_TEST_GRAFANA_URL", "")
HEADERS = {"Authorization": f"Bearer {os.environ.get('PANTAU_TEST_GRAFANA_TOKEN', '')}"}
pytestmark = pytest.mark.skipif(not URL, reason="PANTAU_TEST_GRAFANA_URL names no Grafana")


@pytest.fixture(scope="module")
def sources(server: Server) -> Iterator[dict[str, str]]:
    """Data sources for the server that holds the week: their uids by those of the dashboards."""
    made = {}
    for retention, uid in DATASOURCES.items():
        database = server.name + DATABASE_SUFFIXES[retention]
        body = {
            "name": database,
            "uid": database,
            "type": "influxdb",
            "access": "proxy",
            "url": server.url,
            "jsonData": {"version": "InfluxQL", "dbName": database, "httpMode": "POST"},
        }
        if server.token:
            body["jsonData"] |= {"httpHeaderName1": "Authorization"}
            body["secureJsonData"] = {"httpHeaderValue1": f"Token {server.token}"}
        call("POST", "/api/datasources", body)
        made[uid] = database
    yield made
    for uid in made.values():
        call("DELETE", f"/api/datasources/uid/{uid}")


def call(method: str, path: str, body: Json | None = None) -> Json:
    """Ask Grafana's API; anything but success fails the test."""
    response = requests.request(method, URL + path, json=body, headers=HEADERS, timeout=60)
    assert response.ok, response.text
    return response.json()


@pytest.mark.parametrize("name", grafana.boards("en"))
def test_grafana_finds_rows_for_every_query(viewers: dict[str, Viewer], sources: dict[str, str], name: str):
    """Grafana's own plugin fills in range and bins, and makes frames with values of each answer."""
    viewer = viewers[name]
    for panel in grafana.panels(viewer.board):
        queries = [request(viewer, panel, target, sources) for target in panel["targets"]]
        body = {"queries": queries, "from": str(viewer.since_s * 1000), "to": str(viewer.until_s * 1000)}
        for letter, result in call("POST", "/api/ds/query", body)["results"].items():
            assert "error" not in result, (panel["title"], result)
            columns = [values for frame in result["frames"] for values in frame["data"]["values"]]
            assert any(value is not None for values in columns for value in values), (panel["title"], letter)


def request(viewer: Viewer, panel: Json, target: Json, sources: dict[str, str]) -> dict[str, Any]:
    """Return a query as Grafana's pages send it: variables filled in, range and bins left to the plugin."""
    return target | {
        "query": viewer.fill(target["query"]),
        "datasource": {"type": "influxdb", "uid": sources[target["datasource"]["uid"]]},
        "intervalMs": viewer.interval_s(panel) * 1000,
        "maxDataPoints": panel.get("maxDataPoints", 1000),
    }
