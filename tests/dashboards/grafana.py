"""What Grafana does with a query before it sends it: the range, the bins, the variables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.dashboards.simulation import END_S

from pantau_dashboards.assembly import as_json, dashboard
from pantau_dashboards.boards import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.dashboards.server import Server

    from pantau_dashboards.i18n import Language

Json = dict[str, Any]
_WIDTH = 1000  # pixels of a panel: as many bins as Grafana asks for, where a panel does not say
_STEPS_S = (
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
)
_UNITS_S = {"m": 60, "h": 3600, "d": 86_400}
_VARIABLE = re.compile(r"\$\{(\w+):regex\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")
CHOSEN = {"province": "33", "regency": "33.10", "village": "33.10.25.2007"}
"""What a person has chosen where a variable takes one value."""


def boards(language: Language) -> dict[str, Json]:
    """Return every dashboard as Grafana reads it, by the name of its board."""
    return {board.name: json.loads(as_json(dashboard(board, language))) for board in ALL}


def panels(board: Json) -> list[Json]:
    """Return the panels of a dashboard, without the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


@dataclass
class Viewer:
    """One person before one dashboard: knows the range and the variables, and asks as Grafana would."""

    server: Server
    board: Json
    chosen: Mapping[str, str] = field(default_factory=lambda: CHOSEN)

    def __post_init__(self) -> None:
        zone = ZoneInfo("UTC" if self.board["timezone"] == "browser" else self.board["timezone"])
        self.since_s = _instant(self.board["time"]["from"], zone, up=False)
        self.until_s = _instant(self.board["time"]["to"], zone, up=True)
        self.options: dict[str, list[tuple[str, str]]] = {}
        self.values: dict[str, str] = {}
        for variable in self.board.get("templating", {}).get("list", []):
            self._resolve(variable)

    def ask(self, panel: Json, ref_id: str = "A") -> list[Json]:
        """Return the series that one query of a panel answers."""
        target = next(target for target in panel["targets"] if target["refId"] == ref_id)
        return self.server.ask(target["datasource"]["uid"], self.query(panel, target))

    def query(self, panel: Json, target: Json) -> str:
        """Return a query as it is sent to the database."""
        filled = self.fill(target["query"])
        filled = filled.replace("$timeFilter", f"time >= {self.since_s}s and time <= {self.until_s}s")
        filled = filled.replace("$__interval", f"{self.interval_s(panel)}s")
        assert "$" not in filled.replace("$/", "/"), f"something is not filled in: {filled}"
        return filled

    def fill(self, text: str) -> str:
        """Return a query with the variables filled in; "now" is the end of the week."""
        text = text.replace("${__to}ms", f"{self.until_s * 1000}ms").replace("now()", f"{END_S}s")
        return _VARIABLE.sub(lambda found: self.values[found[1]], text)

    def interval_s(self, panel: Json) -> int:
        """Return the width of a panel's bins: a round number, and not below the panel's own."""
        interval = panel.get("interval", "1s")
        least_s = int(interval[:-1]) * _UNITS_S.get(interval[-1], 1)
        wanted_s = (self.until_s - self.since_s) / panel.get("maxDataPoints", _WIDTH)
        return max(least_s, next(step_s for step_s in _STEPS_S if step_s >= wanted_s))

    def _resolve(self, variable: Json) -> None:
        """Ask for a variable's options as Grafana does, and choose."""
        name = variable["name"]
        answer = self.server.ask(variable["datasource"]["uid"], self.fill(variable["query"]))
        texts = [value for series in answer for _key, value in series["values"]]
        found = [option for text in texts for option in _options(text, variable.get("regex", ""))]
        self.options[name] = found
        if variable.get("allValue"):
            self.values[name] = variable["allValue"]
        elif variable["multi"]:
            self.values[name] = f"({'|'.join(_escaped(value) for _text, value in found)})"
        else:
            assert self.chosen[name] in [value for _text, value in found], (name, found)
            self.values[name] = _escaped(self.chosen[name])


def _options(text: str, regex: str) -> Iterator[tuple[str, str]]:
    if not regex:
        yield text, text
        return
    pattern = regex.strip("/").replace("(?<", "(?P<")
    found = re.search(pattern, text)
    if found:
        yield found["text"], found["value"]


def _escaped(value: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", value)


def _instant(text: str, zone: ZoneInfo, *, up: bool) -> int:
    """Return the second that Grafana's `now-24h` or `now-1M/M` names, were it now the end of the week."""
    if text == "now-1M/M":
        first = datetime.fromtimestamp(END_S, zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        before = (first - timedelta(days=1)).replace(day=1)
        return int(first.timestamp()) - 1 if up else int(before.timestamp())
    amount = text.removeprefix("now").removeprefix("-")
    return END_S - (int(amount[:-1]) * _UNITS_S[amount[-1]] if amount else 0)
