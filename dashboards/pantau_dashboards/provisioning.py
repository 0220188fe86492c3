"""The files that tell Grafana of the three data sources and where the dashboards are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_dashboards.i18n import LANGUAGES
from pantau_dashboards.places import DATABASE_SUFFIXES, DATASOURCES, FOLDERS
from pantau_dashboards.query import PLUGIN

if TYPE_CHECKING:
    from pantau_collector.storage.series import Retention

DASHBOARDS_PATH = "/etc/grafana/pantau/dashboards"
"""Where the dashboards' folder stands on the machine of Grafana, unless the provider's file is changed."""

_DATASOURCES_HEAD = """\
# Grafana's data sources for Pantau on InfluxDB {versions}, for /etc/grafana/provisioning/datasources/.
# Written by pantau-dashboards build. Grafana takes what stands as $NAME from its own environment:
#   PANTAU_INFLUX_URL       such as http://127.0.0.1:8086
#   PANTAU_INFLUX_DATABASE  what the collectors have as store.influxdb.database, such as pantau
{login}
# The login is best one that may only read.
apiVersion: 1
datasources:
"""
_DATASOURCE = """\
  - name: {name}
    uid: {uid}
    type: {plugin}
    access: proxy
    url: $PANTAU_INFLUX_URL
    editable: false
    jsonData:
      version: InfluxQL
      dbName: ${{PANTAU_INFLUX_DATABASE}}{suffix}
      httpMode: POST
      timeInterval: {interval}
"""


@dataclass(frozen=True, slots=True)
class _Login:
    """How one generation of servers wants to be logged in to: a comment, and lines of each data source."""

    versions: str
    about: str
    lines: str


_LOGINS: dict[str, _Login] = {
    "influxdb-1": _Login(
        "1.x",
        "#   PANTAU_INFLUX_USER, PANTAU_INFLUX_PASSWORD; without a login delete the lines that name them",
        """\
    user: $PANTAU_INFLUX_USER
    secureJsonData:
      password: $PANTAU_INFLUX_PASSWORD
""",
    ),
    "influxdb-2-3": _Login(
        "2.x and 3.x",
        "#   PANTAU_INFLUX_TOKEN     a token of the server",
        """\
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: Token $PANTAU_INFLUX_TOKEN
""",
    ),
}
_NAMES: dict[Retention, tuple[str, str]] = {
    "raw": ("Pantau", "1m"),
    "rollup": ("Pantau rollup", "5m"),
    "history": ("Pantau history", "1d"),
}
"""Each data source's name, and how often its rows come."""

_PROVIDERS_HEAD = """\
# Where Grafana finds Pantau's dashboards, for /etc/grafana/provisioning/dashboards/.
# Written by pantau-dashboards build.
apiVersion: 1
providers:
"""
_PROVIDER = """\
  - name: {uid}
    type: file
    folder: {folder}
    folderUid: {uid}
    allowUiUpdates: false
    updateIntervalSeconds: 60
    options:
      path: {path}/{language}
"""


def datasources() -> dict[str, str]:
    """Return the provisioning files of the three data sources, in YAML, by the generation of the server."""
    return {name: _datasources(login) for name, login in _LOGINS.items()}


def _datasources(login: _Login) -> str:
    head = _DATASOURCES_HEAD.format(versions=login.versions, login=login.about)
    return head + "".join(
        _DATASOURCE.format(
            name=name,
            uid=DATASOURCES[retention],
            plugin=PLUGIN,
            suffix=DATABASE_SUFFIXES[retention],
            interval=interval,
        )
        + login.lines
        for retention, (name, interval) in _NAMES.items()
    )


def providers() -> str:
    """Return the provisioning file that names the folders of dashboards, in YAML."""
    return _PROVIDERS_HEAD + "".join(
        _PROVIDER.format(
            uid=FOLDERS[language][0], folder=FOLDERS[language][1], path=DASHBOARDS_PATH, language=language
        )
        for language in LANGUAGES
    )
