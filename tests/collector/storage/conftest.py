"""Every store that the conformance suite holds to the promise; one line adds another."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
import urllib3
from tests.fakes import influxd

from pantau_collector.config import InfluxConfig
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pantau_collector.storage.base import Store

ELSEWHERE = "PANTAU_TEST_INFLUX_URL"


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influxd.Influxd]:
    """Debian's InfluxDB, one for all tests: each makes a database of its own."""
    with influxd.running(tmp_path_factory.mktemp("influxd")) as server:
        yield server


def _sqlite(request: pytest.FixtureRequest) -> Callable[[], Store]:
    folder: Path = request.getfixturevalue("tmp_path")
    return lambda: SqliteStore(folder / "pantau.db")


def _influx_1(request: pytest.FixtureRequest) -> Callable[[], Store]:
    server: influxd.Influxd = request.getfixturevalue("influx")
    config = InfluxConfig(url=server.url, database=server.new_database())
    return lambda: InfluxStore(config)


def _influx_elsewhere(request: pytest.FixtureRequest) -> Callable[[], Store]:
    """A server of version 2 or 3 that whoever runs the tests started and named."""
    config = InfluxConfig(
        url=os.environ[ELSEWHERE],
        database=f"pantau_{uuid.uuid4().hex}",
        org=os.environ.get("PANTAU_TEST_INFLUX_ORG"),
        token=os.environ.get("PANTAU_TEST_INFLUX_TOKEN"),
    )
    _make_buckets(config)
    return lambda: InfluxStore(config)


def _make_buckets(config: InfluxConfig) -> None:
    """Make the buckets on 2; 3 makes a database when it is first written to."""
    if not config.org:
        return
    headers = {"Authorization": f"Token {config.token.get_secret_value()}"}
    found = urllib3.request("GET", f"{config.url}/api/v2/orgs?org={config.org}", headers=headers).json()
    for suffix in ("", "_rollup", "_history"):
        bucket = {"orgID": found["orgs"][0]["id"], "name": config.database + suffix}
        made = urllib3.request("POST", f"{config.url}/api/v2/buckets", json=bucket, headers=headers)
        assert made.status == 201, made.data


STORES: dict[str, Callable[[pytest.FixtureRequest], Callable[[], Store]]] = {
    "sqlite": _sqlite,
    "influxdb-1.6": _influx_1,
}
if os.environ.get(ELSEWHERE):  # with …_TOKEN, and …_ORG for version 2
    STORES["influxdb-elsewhere"] = _influx_elsewhere


@pytest.fixture(params=STORES)
def reopen(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Open the same store anew, as often as called; what was opened before is closed."""
    make = STORES[request.param](request)
    opened: list[Store] = []

    def open_again() -> Store:
        for store in opened:
            store.close()
        opened[:] = [make()]
        return opened[0]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    """An empty store."""
    return reopen()
