"""The dashboards keep Grafana's schema, and what its dashboard linter asks for."""

from __future__ import annotations

import itertools
import json
import re
import types
import typing
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as models
from tests.dashboards import grafana

from pantau_collector.storage.series import STATES
from pantau_dashboards import colours, looks, units
from pantau_dashboards.i18n import LANGUAGES
from pantau_dashboards.places import BOARDS, DATASOURCES, FOLDERS
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dashboards.grafana import Json

register_default_plugins()
EVERY = {
    (language, name): board for language in LANGUAGES for name, board in grafana.boards(language).items()
}
BY_UID = {board["uid"]: board for board in EVERY.values()}
RANGE = "${__url_time_range}"
each_board = pytest.mark.parametrize(
    "board", [pytest.param(board, id=board["uid"]) for board in EVERY.values()]
)
each_panel = pytest.mark.parametrize(
    ("board", "panel"),
    [
        pytest.param(board, panel, id=f"{board['uid']}: {panel['title']}")
        for board in EVERY.values()
        for panel in grafana.panels(board)
    ],
)


@each_board
def test_grafanas_own_schema_knows_every_key(board: Json):
    """Read by the models that are generated from Grafana's schema, and written again, nothing is lost."""
    board = json.loads(json.dumps(board))
    for panel in grafana.panels(board):  # the models take queries of a mixed panel for those of no plugin
        panel["datasource"] = panel["targets"][0]["datasource"]
    made = json.loads(json.dumps(models.Dashboard.from_json(board), cls=JSONEncoder))
    for link in links(made):
        assert link.pop("placement", "inControlsMenu") == "inControlsMenu"  # the models put it into links
    assert made == board


@each_board
def test_every_value_has_the_type_of_the_schema(board: Json):
    """Each value, however deep, is of the type that the schema gives its key."""
    assert not list(misfits(models.Dashboard.from_json(board), "dashboard"))


def misfits(thing: Any, path: str) -> Iterator[str]:
    """Yield where an attribute of a model is not of its declared type."""
    if isinstance(thing, list | dict):
        inner = thing.items() if isinstance(thing, dict) else enumerate(thing)
        for key, value in inner:
            yield from misfits(value, f"{path}[{key}]")
    elif type(thing).__module__.startswith("grafana_foundation_sdk.models") and not isinstance(thing, Enum):
        for name, hint in typing.get_type_hints(type(thing)).items():
            value = getattr(thing, name)
            if not fits(value, hint):
                yield f"{path}.{name}: {value!r} is no {hint}"
            yield from misfits(value, f"{path}.{name}")


def fits(value: Any, hint: Any) -> bool:  # noqa: PLR0911 - one for each type
    """Tell whether a value is of a type; what is in a list or dictionary is looked at by itself."""
    origin = typing.get_origin(hint)
    if hint in (object, Any):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, choice) for choice in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in [member.value for member in hint]
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def test_the_check_of_types_finds_faults():
    """The check above is not blind: text where a number belongs is found."""
    board = json.loads(json.dumps(EVERY["en", "national"]))
    board["panels"][1]["gridPos"]["w"] = "4"
    assert list(misfits(models.Dashboard.from_json(board), "dashboard"))


@each_board
def test_a_dashboard_cannot_be_edited_by_hand(board: Json):
    """It is code; who clicks would lose the change at the next build."""
    assert board["editable"] is False


@each_board
def test_panels_do_not_overlap(board: Json):
    """Each panel lies within the 24 columns, and on no other."""
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
        )
        assert not cells & taken, panel["title"]
        taken |= cells


@each_board
def test_ids_are_unique(board: Json):
    """So are the letters of a panel's queries."""
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in grafana.panels(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters))


def test_uids_are_unique_and_short():
    """Grafana takes 40 characters; both languages follow one scheme."""
    assert len(BY_UID) == len(EVERY)
    for (language, name), board in EVERY.items():
        assert board["uid"] == f"pantau-{language}-{name}"
        assert len(board["uid"]) <= 40
    assert set(BOARDS) == {name for _language, name in EVERY}
    assert set(FOLDERS) == set(LANGUAGES)


@each_panel
def test_a_panel_says_what_it_shows(board: Json, panel: Json):
    """Title, description, unit, and at least one query."""
    assert panel["title"]
    assert len(panel["description"]) > 15
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert board["description"]


@each_panel
def test_a_panel_asks_a_data_source_of_ours(board: Json, panel: Json):
    """By its fixed uid, which the provisioning file gives it; where it asks several, it says so."""
    uids = {target["datasource"]["uid"] for target in panel["targets"]}
    assert uids <= set(DATASOURCES.values())
    assert panel["datasource"]["uid"] == ("-- Mixed --" if len(uids) > 1 else uids.pop())


@each_board
def test_variables_follow_the_range(board: Json):
    """A variable is asked anew where the range changes, of a data source of ours, and has a label."""
    for variable in board.get("templating", {}).get("list", []):
        assert variable["refresh"] == 2
        assert variable["label"]
        assert variable["datasource"]["uid"] in DATASOURCES.values()


@each_panel
def test_gaps_stay_gaps(board: Json, panel: Json):
    """No line is drawn through nothing, and no query makes zeros or old values of it."""
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if panel["type"] in ("timeseries", "state-timeline"):
        assert custom["spanNulls"] is False
    for target in panel["targets"]:
        assert re.findall(r"fill\((\w+)\)", target["query"]) in ([], ["null"], ["none", "none"])


@each_board
def test_links_lead_somewhere(board: Json):
    """Every link names a dashboard that is there, and variables that it has."""
    for link in links(board):
        assert "placement" not in link  # in a menu nobody finds it
        parts = urlsplit(link["url"])
        target = BY_UID[parts.path.removeprefix("/d/")]
        assert set(target["tags"]) == set(board["tags"])
        names = {variable["name"] for variable in target.get("templating", {}).get("list", [])}
        assert {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)} <= {
            f"var-{name}" for name in names
        } | {RANGE}
    assert list(links(board))


@each_panel
def test_links_and_columns_name_what_the_queries_return(board: Json, panel: Json):
    """A link's values, an override, an order: each names a column or tag that the panel has."""
    known = {"Time"}
    for target in panel["targets"]:
        known |= set(re.findall(r'AS "(\w+)"', target["query"]))
        known |= set(re.findall(r'"(\w+)"', target["query"].rpartition("GROUP BY")[2]))
        known.add(target.get("alias", ""))
    text = json.dumps(panel)
    assert set(re.findall(r"__data\.fields\.(\w+)", text)) <= known
    assert set(re.findall(r"__field\.labels\.(\w+)", text)) <= known
    steps = panel.get("transformations", [])
    known |= {name for step in steps for name in step["options"].get("renameByName", {}).values()}
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["id"] == "byType" or override["matcher"]["options"] in known
    for step in steps:
        assert set(step["options"].get("indexByName", {})) <= known
        assert set(step["options"].get("excludeByName", {})) <= known
        assert {step["options"].get("byField", "Time"), *step["options"].get("fields", [])} <= known


@each_panel
def test_names_alone_are_no_answer(board: Json, panel: Json):
    """Rows are kept by a column that only the answer has: where there is none, the panel is empty."""
    for step in panel.get("transformations", []):
        if step["id"] == "filterByValue":
            (only,) = [found["fieldName"] for found in step["options"]["filters"]]
            answer, names = (target["query"].rpartition("GROUP BY")[2] for target in panel["targets"])
            assert f'"{only}"' in answer
            assert f'"{only}"' not in names
            assert step["options"]["type"] == "include"


def links(thing: Any) -> Iterator[Json]:
    """Yield all links in a dashboard."""
    if isinstance(thing, dict):
        yield from [thing] if "asDropdown" in thing else []
        thing = list(thing.values())
    if isinstance(thing, list):
        for value in thing:
            yield from links(value)


def test_every_unit_has_its_unit():
    """One mapping covers the wire's units; minutes are minutes though they are counted."""
    assert set(units.GRAFANA_UNITS) == set(Unit)
    assert units.grafana_unit("rtd_p50_ms") == "ms"
    assert units.grafana_unit("sum_rx_bytes") == "decbytes"
    assert units.grafana_unit("up_minute_count") == units.grafana_unit("silent_minutes") == "m"


def test_every_state_has_words_and_a_colour_of_its_own():
    """The number of a state stands for the same state as its name."""
    assert [*colours.STATE_WORDS] == [*STATES]
    assert [*colours.STATE_INDEX_WORDS] == [str(index) for index in range(len(STATES))]
    assert [*colours.STATE_INDEX_WORDS.values()] == [*colours.STATE_WORDS.values()]
    for words in (colours.STATE_WORDS, colours.VERDICT_WORDS):
        assert len({colour for _text, colour in words.values()}) == len(words)


def test_every_kind_of_panel_is_used():
    """What nothing uses is not kept."""
    kinds = {panel["type"] for board in EVERY.values() for panel in grafana.panels(board)}
    assert kinds == {"timeseries", "stat", "table", "state-timeline", "heatmap"}
    assert len(looks._KINDS) == len(kinds) + 2  # points and bars are ways to draw a time series
