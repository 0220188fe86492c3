"""What a panel and a dashboard are made of: plain descriptions, with texts as English message ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantau_dashboards.colours import Limits, Wording
    from pantau_dashboards.influxql import Statement

Kind = Literal["lines", "points", "bars", "stat", "table", "timeline", "heatmap"]
ROW_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Ask:
    """One query of a panel. `alias` is a message id, in which Grafana fills in `$tag_...`."""

    statement: Statement
    alias: str = ""
    table: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """How one field looks. Title and unit are those of the tables of fields, unless they are given here.

    `link` is a board that the field leads to, with its area's variables; `band_to` names the series down to
    which the area below this one is filled.
    """

    name: str
    title: str = ""
    unit: str = ""
    limits: Limits | None = None
    words: Wording | None = None
    link: str = ""
    hidden: bool = False
    width: int = 0
    colour: str = ""
    dashed: bool = False
    points: bool = False
    band_to: str = ""
    decimals: int | None = None
    pattern: str = ""
    """A regular expression whose first group is shown instead of the whole text."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transformation of the answers, before they are shown; `of` is the query that it is for, or all."""

    id: str
    options: Mapping[str, object]
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. Sizes are in Grafana's grid, 24 wide; `interval` is the finest bin that makes sense."""

    kind: Kind
    title: str
    about: str
    asks: tuple[Ask, ...]
    unit: str
    width: int = 12
    height: int = 8
    limits: Limits | None = None
    words: Wording | None = None
    interval: str = ""
    bins: int = 0
    minimum: float | None = None
    maximum: float | None = None
    fields: tuple[Field, ...] = ()
    steps: tuple[Step, ...] = ()
    sort_by: str = ""
    descending: bool = True
    name_label: str = ""
    """The label whose value names a series, where the answers were split by `transforms.split`."""
    link: str = ""
    """The board that a series leads to."""
    empty: str = "-"
    """What stands where there is no value."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and the panels below it."""

    title: str
    panels: tuple[Panel, ...]


Picker = Literal["one", "any", "several"]
"""Whether a variable takes one value, one or all, or any number of values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice above the dashboard; `regex` picks text and value out of what the statement answers."""

    name: str
    label: str
    about: str
    statement: Statement
    picker: Picker = "one"
    regex: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard. `since` and `until` are its range at first, `timezone` is that of its axes."""

    name: str
    about: str
    variables: tuple[Variable, ...]
    sections: tuple[Section, ...]
    links: tuple[str, ...]
    since: str = "now-24h"
    until: str = "now"
    refresh: str = "5m"
    timezone: str = "browser"
