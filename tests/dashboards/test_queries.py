"""Every query of every panel and variable, filled in as Grafana does, against a real InfluxDB."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.dashboards import grafana, simulation

from pantau_dashboards.boards import ALL

if TYPE_CHECKING:
    from tests.dashboards.grafana import Json, Viewer

PANELS = [
    pytest.param(board, panel, target, id=f"{board}: {panel['title']} {target['refId']}")
    for board, found in grafana.boards("en").items()
    for panel in grafana.panels(found)
    for target in panel["targets"]
]
# Every version of InfluxQL knows these: https://docs.influxdata.com/influxdb3/core/reference/influxql/feature-support/
PORTABLE = {
    "count",
    "distinct",
    "fill",
    "last",
    "max",
    "mean",
    "median",
    "min",
    "now",
    "percentile",
    "sum",
    "time",
}


@pytest.mark.parametrize(("board", "panel", "target"), PANELS)
def test_a_query_returns_values(viewers: dict[str, Viewer], board: str, panel: Json, target: Json):
    """Each query is understood, and each of its columns has a value somewhere."""
    answer = viewers[board].ask(panel, target["refId"])
    assert answer, viewers[board].query(panel, target)
    columns = {name for series in answer for name in series["columns"]}
    seen = {
        name
        for series in answer
        for row in series["values"]
        for name, value in zip(series["columns"], row, strict=True)
        if value is not None
    }
    assert seen == columns
    assert columns - {"time"}


@pytest.mark.parametrize(("board", "panel", "target"), PANELS)
def test_a_query_stays_where_it_belongs(viewers: dict[str, Viewer], board: str, panel: Json, target: Json):
    """What is tagged with an area lies in the one that was chosen, where the query asks for it."""
    viewer = viewers[board]
    for series in viewer.ask(panel, target["refId"]):
        for level, code in series.get("tags", {}).items():
            if f"${{{level}:regex}}" in target["query"]:
                assert re.fullmatch(viewer.values[level], code), (level, code)


@pytest.mark.parametrize(("board", "panel", "target"), PANELS)
def test_a_query_is_portable(board: str, panel: Json, target: Json):
    """Only functions that InfluxDB 1.6, 2 and 3 have, and no retention policy in a name."""
    text = target["query"]
    assert set(re.findall(r"(\w+)\(", text)) <= PORTABLE, text
    assert not re.search(r'"\."', text)
    assert "fill(0)" not in text
    assert "fill(previous)" not in text
    assert "fill(linear)" not in text


@pytest.mark.parametrize("board", [board.name for board in ALL])
def test_the_variables_offer_what_is_there(viewers: dict[str, Viewer], board: str):
    """Each level offers the areas of the one above, with their names, and nothing else."""
    viewer = viewers[board]
    expected = {
        "province": ["33", "73"],
        "regency": ["33.10"]
        if "province" in viewer.values and viewer.values["province"] == "33"
        else ["33.10", "73.71"],
        "district": ["33.10.01", "33.10.25"],
        "village": ["33.10.01.2001", "33.10.25.2007", "33.10.25.2008"],
    }
    for level, codes in expected.items():
        if level in viewer.options:
            names = sorted((simulation.NAMES[code], code) for code in codes)
            assert sorted(viewer.options[level]) == names


def test_the_devices_of_a_village(viewers: dict[str, Viewer]):
    """Raw points know no village: its devices are found by the registry."""
    devices = [value for _text, value in viewers["village"].options["device"]]
    assert devices == ["klaten-jomboran-1", "klaten-jomboran-2"]
    everywhere = {value for _text, value in viewers["technician"].options["device"]}
    assert everywhere == {
        name for name, village in simulation.REGISTERED.items() if village.startswith("33.10")
    }


def test_every_query_is_tested():
    """The list above has every query of both languages: they differ in words only."""
    texts = {
        language: [
            target["query"]
            for board in grafana.boards(language).values()
            for panel in grafana.panels(board)
            for target in panel["targets"]
        ]
        for language in ("id", "en")
    }
    assert texts["id"] == texts["en"]
    assert len(texts["en"]) == len(PANELS)
