"""The simulated week in every server that the queries have to run on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.dashboards import grafana, simulation
from tests.dashboards.server import ELSEWHERE, Server
from tests.fakes import influxd

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = ["influxdb-1.6", *(["influxdb-elsewhere"] if os.environ.get(ELSEWHERE) else [])]


@pytest.fixture(scope="session")
def week() -> list[simulation.Row]:
    """Every row of the simulated week."""
    return list(simulation.rows())


@pytest.fixture(scope="session", params=SERVERS)
def server(
    request: pytest.FixtureRequest, week: list[simulation.Row], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that holds the week."""
    if request.param == "influxdb-elsewhere":
        found = Server.elsewhere()
        found.fill(week)
        yield found
        return
    with influxd.running(tmp_path_factory.mktemp("influxd")) as started:
        found = Server(started.url)
        found.fill(week)
        yield found


@pytest.fixture(scope="session")
def viewers(server: Server) -> dict[str, grafana.Viewer]:
    """Somebody before each dashboard."""
    return {name: grafana.Viewer(server, board) for name, board in grafana.boards("en").items()}
