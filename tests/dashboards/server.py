"""A real InfluxDB filled with the simulated week: Debian's, or the one that the environment names."""

from __future__ import annotations

import os
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from tests.dashboards.lines import line

from pantau_dashboards.influxql import source
from pantau_dashboards.places import DATABASE_SUFFIXES, DATASOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.dashboards.simulation import Row

ELSEWHERE = "PANTAU_TEST_INFLUX_URL"  # with …_TOKEN, and …_ORG for version 2
_CHUNK = 10_000


@dataclass
class Server:
    """Three databases on one server, under the uids of Grafana's data sources."""

    url: str
    token: str = ""
    org: str = ""
    name: str = field(default_factory=lambda: f"pantau_{uuid.uuid4().hex[:12]}")

    @classmethod
    def elsewhere(cls) -> Server:
        """Return the server that the environment names."""
        token = os.environ.get("PANTAU_TEST_INFLUX_TOKEN", "")
        return cls(os.environ[ELSEWHERE], token, os.environ.get("PANTAU_TEST_INFLUX_ORG", ""))

    def fill(self, rows: Iterable[Row]) -> None:
        """Make the databases and write the rows, each where its series is kept."""
        lines: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            lines[self._database(DATASOURCES[source(row.name).retention])].append(line(row))
        for database, found in lines.items():
            self._create(database)
            for begin in range(0, len(found), _CHUNK):
                self._write(database, "\n".join(found[begin : begin + _CHUNK]))

    def ask(self, uid: str, question: str) -> list[dict[str, Any]]:
        """Return the series that a data source answers; an error of the server fails the test."""
        parameters = urlencode({"db": self._database(uid), "epoch": "s"})
        body = urlencode({"q": question}).encode()
        headers = self._headers | {"Content-Type": "application/x-www-form-urlencoded"}
        response = urllib3.request("POST", f"{self.url}/query?{parameters}", body=body, headers=headers)
        answer = response.json()
        assert response.status == 200, (question, answer)
        (result,) = answer["results"]
        assert "error" not in result, (question, result)
        return result.get("series", [])

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"} if self.token else {}

    def _database(self, uid: str) -> str:
        retention = next(kept for kept, name in DATASOURCES.items() if name == uid)
        return self.name + DATABASE_SUFFIXES[retention]

    def _create(self, database: str) -> None:
        if not self.token:
            question = urlencode({"q": f"CREATE DATABASE {database}"})
            assert urllib3.request("POST", f"{self.url}/query?{question}").status == 200
        elif self.org:  # 3 makes a database when it is first written to
            url = f"{self.url}/api/v2/orgs?org={self.org}"
            found = urllib3.request("GET", url, headers=self._headers).json()
            bucket = {"orgID": found["orgs"][0]["id"], "name": database}
            made = urllib3.request("POST", f"{self.url}/api/v2/buckets", json=bucket, headers=self._headers)
            assert made.status == 201, made.data

    def _write(self, database: str, text: str) -> None:
        path = f"/write?db={database}&precision=s"
        if self.token:
            path = f"/api/v2/write?bucket={database}&org={self.org}&precision=s"
        response = urllib3.request("POST", self.url + path, body=text.encode(), headers=self._headers)
        assert response.status == 204, response.data
