"""Panels that several boards have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_dashboards.influxql import EVERY, Statement, lasts, select
from pantau_dashboards.places import LEVELS
from pantau_dashboards.spec import Ask, Field, Kind, Panel
from pantau_dashboards.transforms import area_fields, called, label, named, names, ordered, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_dashboards.colours import Limits, Wording

NEWEST = "15m"
"""How far back a table of what is now looks: three rows of five minutes."""
_DAY_OF_QUARTERS = 96
WHEN = "when"
"""What a table calls its rows' time, where it shows it."""


def stat(
    title: str,
    about: str,
    statement: Statement,
    unit: str,
    *,
    limits: Limits | None = None,
    words: Wording | None = None,
    width: int = 4,
    empty: str = "-",
) -> Panel:
    """Return one figure; `empty` stands where there is none."""
    return Panel(
        kind="stat",
        title=title,
        about=about,
        asks=(Ask(statement),),
        unit=unit,
        width=width,
        height=4,
        limits=limits,
        words=words,
        empty=empty,
    )


def lines(
    title: str,
    about: str,
    series: Sequence[tuple[Statement, str, str]],
    unit: str,
    *,
    limits: Limits | None = None,
    kind: Kind = "lines",
    interval: str = "5m",
    width: int = 12,
    minimum: float | None = 0,
    maximum: float | None = None,
    extra: tuple[Field, ...] = (),
) -> Panel:
    """Return lines over time; each series is a statement, its name and its colour."""
    return Panel(
        kind=kind,
        title=title,
        about=about,
        asks=tuple(Ask(statement, name) for statement, name, _colour in series),
        unit=unit,
        limits=limits,
        interval=interval,
        width=width,
        minimum=minimum,
        maximum=maximum,
        fields=(*(Field(name=name, colour=colour) for _statement, name, colour in series if colour), *extra),
    )


def of_villages(
    kind: Kind,
    title: str,
    about: str,
    *,
    series: str,
    expression: str,
    where: Sequence[str],
    unit: str,
    height: int = 12,
    width: int = 24,
    limits: Limits | None = None,
    words: Wording | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    interval: str = "5m",
    present: Sequence[str] = (),
) -> Panel:
    """Return a panel with a row or line for each village, under its name, that leads to its page."""
    asked = select(series, {"value": expression}, where=(*where, *present), by=LEVELS, every=EVERY)
    return Panel(
        kind=kind,
        title=title,
        about=about,
        asks=(Ask(asked, table=True), names("village", where)),
        unit=unit,
        width=width,
        height=height,
        limits=limits,
        words=words,
        minimum=minimum,
        maximum=maximum,
        interval=interval,
        bins=_DAY_OF_QUARTERS,
        steps=(*named("village"), *split("village")),
        name_label=label("village"),
        link="village",
    )


def village_table(
    title: str,
    about: str,
    statement: Statement,
    columns: Sequence[str],
    where: Sequence[str],
    *,
    fields: tuple[Field, ...] = (),
    sort_by: str = "",
    descending: bool = True,
    width: int = 12,
    height: int = 10,
    keep_all: bool = False,
    today: bool = False,
) -> Panel:
    """Return a table with a row for each village (and what else the statement groups by)."""
    return Panel(
        kind="table",
        title=title,
        about=about,
        asks=(Ask(statement, table=True), names("village", where, today=today)),
        unit="none",
        width=width,
        height=height,
        steps=(
            *((called(WHEN),) if WHEN in columns else ()),
            *named("village", keep_all=keep_all),
            ordered((label("village"), *columns)),
        ),
        fields=(*area_fields("village", "village"), *fields),
        sort_by=sort_by,
        descending=descending,
    )


def newest(series: str, columns: Sequence[str], where: Sequence[str], extra: Sequence[str] = ()) -> Statement:
    """Return the newest row of each village; `extra` are tags beside."""
    return select(series, lasts(*columns), where=where, by=(*LEVELS, *extra), recent=NEWEST)
