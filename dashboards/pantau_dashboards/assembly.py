"""From a board's description to Grafana's dashboard: the classic JSON that Grafana 11 to 13 reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from pantau_dashboards.panels import Translator, in_sight
from pantau_dashboards.places import BOARDS, dashboard_path, dashboard_uid
from pantau_dashboards.query import datasource
from pantau_dashboards.spec import ROW_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_dashboards.i18n import Language
    from pantau_dashboards.spec import Board, Panel, Section, Variable

_SCHEMA = 39
"""Grafana 11's version of the dashboard schema; later ones bring it up to date as they read it."""


def dashboard(board: Board, language: Language) -> models.Dashboard:
    """Return the dashboard of a board in one language."""
    translator = Translator(language)
    made = (
        builders.Dashboard(translator.say(BOARDS[board.name].title))
        .uid(dashboard_uid(board.name, language))
        .description(translator.say(board.about))
        .tags(["pantau", language])
        .timezone(board.timezone)
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time(board.since, board.until)
        .refresh(board.refresh)
        .variables([_variable(variable, translator) for variable in board.variables])
        .links([_link(name, translator) for name in board.links])
        .build()
    )
    made.schema_version = _SCHEMA
    made.links = [in_sight(link) for link in made.links or ()]
    made.panels = list(_placed(board.sections, translator))
    return made


def as_json(made: models.Dashboard) -> str:
    """Return a dashboard as it is written to a file."""
    return json.dumps(made, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _placed(sections: Iterable[Section], translator: Translator) -> Iterator[models.Panel | models.RowPanel]:
    """Yield headings and panels, in rows from the left, each row as high as its highest panel."""
    number = top = 0
    for section in sections:
        number += 1
        yield _heading(translator.say(section.title), number, top)
        top += 1
        for row in _rows(section.panels):
            left = 0
            for panel in row:
                number += 1
                place = models.GridPos(h=panel.height, w=panel.width, x=left, y=top)
                yield translator.panel(panel, number, place)
                left += panel.width
            top += max(panel.height for panel in row)


def _rows(panels: Iterable[Panel]) -> Iterator[list[Panel]]:
    row: list[Panel] = []
    for panel in panels:
        if sum(placed.width for placed in row) + panel.width > ROW_WIDTH:
            yield row
            row = []
        row.append(panel)
    yield row


def _heading(title: str, number: int, top: int) -> models.RowPanel:
    place = models.GridPos(h=1, w=ROW_WIDTH, x=0, y=top)
    return models.RowPanel(title=title, id_val=number, grid_pos=place, panels=[])


def _link(name: str, translator: Translator) -> builders.DashboardLink:
    return (
        builders.DashboardLink(translator.say(BOARDS[name].title))
        .type(models.DashboardLinkType.LINK)
        .url(dashboard_path(name, translator.language))
        .icon("dashboard")
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )


def _variable(variable: Variable, translator: Translator) -> builders.QueryVariable:
    text = variable.statement.text
    made = (
        builders.QueryVariable(variable.name)
        .label(translator.say(variable.label))
        .description(translator.say(variable.about))
        .datasource(datasource(variable.statement.retention))
        .query(text)
        .definition(text)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .regex(variable.regex)
    )
    if variable.hidden:
        made = made.hide(models.VariableHide.HIDE_VARIABLE)
    if variable.picker == "any":
        made = made.include_all(include_all=True).all_value(".*").current(_ALL)
    if variable.picker == "several":
        made = made.include_all(include_all=True).multi(multi=True).current(_ALL_OF_SEVERAL)
    return made


_ALL = models.VariableOption(selected=True, text="All", value="$__all")
_ALL_OF_SEVERAL = models.VariableOption(selected=True, text=["All"], value=["$__all"])
