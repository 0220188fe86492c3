"""Transformations that several panels share: names of areas beside their codes, rows and columns in order.

Rollups carry codes only. Names come from the hourly `registry` series, as a second query that is joined in
the browser; its labels look like `Jomboran|33.10.25.2007`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_dashboards.influxql import Statement, newest, source
from pantau_dashboards.places import LEVELS
from pantau_dashboards.spec import Ask, Field, Step
from pantau_dashboards.variables import LEVEL_TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAME_PATTERN = r"/^(.+)\|.+$/"
_CARRIER = "traffic_source"
_RECENT = "3h"  # the series is written each hour
_ANSWERED = Step(
    "filterByValue",
    {
        "filters": [{"fieldName": LEVELS[0], "config": {"id": "isNotNull", "options": {}}}],
        "type": "include",
        "match": "any",
    },
)


def label(level: str) -> str:
    """Return the tag of `registry` that holds an area's name and code."""
    return f"{level}_label"


def names(level: str, where: Sequence[str] = (), extra: Sequence[str] = (), *, today: bool = False) -> Ask:
    """Return the query for the labels of a level's areas, one row each; `extra` are tags beside.

    They are those at the end of the range, or `today`'s where the range may lie before all that is kept.
    """
    registry = source("registry")
    tags = [level, label(level), *extra]
    for text in (*(f'"{tag}"' for tag in tags), *where):
        registry.check(text)
    recent = f"time >= now() - {_RECENT}" if today else newest(_RECENT)
    conditions = " AND ".join([*where, recent])
    grouped = ", ".join(f'"{tag}"' for tag in tags)
    chosen = f'last("{_CARRIER}") AS "{_CARRIER}"'
    text = f'SELECT {chosen} FROM "registry" WHERE {conditions} GROUP BY {grouped}'  # noqa: S608 - our names
    return Ask(Statement(text, registry.retention, {}, tuple(tags)), table=True)


def named(by: str, *, keep_all: bool = False, others: Sequence[str] = ("B",)) -> tuple[Step, ...]:
    """Join the answer of query A with the names of query B, and what else is there, by a tag.

    All rows of A stay, named or not; `keep_all` keeps also the areas that A does not have. Without it they
    go, by the province, which only A has: where A is empty the join lets B through, and it would look like an
    answer. (It cannot be A's time: joined fields of one name are called by their frames' names as well.)
    """
    alone = {"excludeByName": {"Time": True, _CARRIER: True}}
    joined = (
        *(Step("organize", alone, of=other) for other in others),
        Step("joinByField", {"byField": by, "mode": "outerTabular"}),
    )
    return joined if keep_all else (*joined, _ANSWERED)


def called(column: str) -> Step:
    """Give A's time a name that it keeps when it is joined, so that it can be put into an order."""
    return Step("organize", {"renameByName": {"Time": column}}, of="A")


def split(level: str) -> tuple[Step, ...]:
    """Make a series of each area, with its names as labels, after `named`."""
    tags = [*areas(level), label(level)]
    return (Step("partitionByValues", {"fields": tags, "keepFields": False, "naming": {"asLabels": True}}),)


def areas(level: str) -> tuple[str, ...]:
    """Return the tags from province to this level."""
    return LEVELS[: LEVELS.index(level) + 1]


def ordered(columns: Iterable[str]) -> Step:
    """Put columns into this order; what Grafana makes of tags has none."""
    return Step("organize", {"indexByName": {name: index for index, name in enumerate(columns)}})


def area_fields(level: str, link: str, width: int = 220) -> tuple[Field, ...]:
    """Return how an area's columns look in a table: its name as a link, the codes above it hidden."""
    hidden = tuple(Field(name=name, hidden=True) for name in ("Time", *areas(level)))
    return (
        *hidden,
        Field(name=label(level), title=LEVEL_TITLES[level], link=link, width=width, pattern=NAME_PATTERN),
    )
