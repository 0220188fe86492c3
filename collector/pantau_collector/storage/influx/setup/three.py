"""InfluxDB 3: databases by its HTTP API. How long one keeps its data can be said only when it is made.

Tokens are made with the server's own command: the free edition knows administrators' tokens only.
Source: docs.influxdata.com, InfluxDB 3 Core, "Create a database".
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage.influx.setup.desk import DAY_S, Database, Desk, in_days, wanted

if TYPE_CHECKING:
    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.influx.client import Client

_PATH = "/api/v3/configure/database"


class _Listed(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="iox::database")


class Setup:
    """Prepares one server of version 3."""

    def __init__(self, config: InfluxConfig, client: Client, desk: Desk) -> None:
        """Look at nothing yet."""
        self._config = config
        self._client = client
        self._desk = desk

    def run(self) -> None:
        """Make the databases."""
        there = self._names()
        for database in wanted(self._config):
            self._desk.ensure(
                "database",
                database.name,
                functools.partial(self._make, database),
                there=database.name in there,
                detail="" if database.name in there else in_days(database.keep_s),
            )

    def _names(self) -> set[str]:
        body = self._client.call("GET", f"{_PATH}?format=json")
        try:
            return {found.name for found in msgspec.json.decode(body, type=list[_Listed])}
        except msgspec.DecodeError as error:
            raise StoreUnavailableError(f"the list of databases cannot be read: {error}") from error

    def _make(self, database: Database) -> None:
        asked = {"db": database.name}
        if database.keep_s is not None:
            asked["retention_period"] = f"{database.keep_s // DAY_S}d"
        self._client.call("POST", _PATH, msgspec.json.encode(asked))
