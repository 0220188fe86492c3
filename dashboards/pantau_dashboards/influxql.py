"""Questions in InfluxQL, the one language that InfluxDB 1.6, 2 and 3 answer; names are checked when made.

Grafana fills in `$timeFilter`, `$__interval` and `${name:regex}`. Only what every version knows is used: no
`mode`, `integral`, `SLIMIT`, no names with a retention policy.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_collector.storage.series import SERIES, Retention
from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantau_wire.schema import Column

_IDENTIFIER = re.compile(r'"([^"]+)"')
EVERY = "$__interval"


@dataclass(frozen=True, slots=True)
class Source:
    """One measurement: where it is kept, its tags and its fields."""

    name: str
    retention: Retention
    tags: tuple[str, ...]
    columns: Mapping[str, Column]

    def check(self, text: str) -> None:
        """Raise `KeyError` where the text names in double quotes what the measurement does not have."""
        for name in _IDENTIFIER.findall(text):
            if name not in self.columns and name not in self.tags:
                raise KeyError(f"{self.name} has no {name}")


@dataclass(frozen=True, slots=True)
class Statement:
    """One question, the database that answers it, and the columns that its fields come from."""

    text: str
    retention: Retention
    origins: Mapping[str, Column] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@functools.cache
def source(name: str) -> Source:
    """Return a kind of measurement or a derived series; raises `KeyError` where there is none."""
    if name in KINDS:
        plain = {column.name: column for column in schema.columns(name) if not column.key}
        return Source(name, "raw", ("device", *schema.key_names(name)), plain)
    series = SERIES[name]
    return Source(name, series.retention, series.tags, {column.name: column for column in series.columns})


def select(
    name: str,
    fields: Mapping[str, str],
    *,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    every: str = "",
    fill: str = "null",
    recent: str = "",
) -> Statement:
    """Return `SELECT` of the named expressions; `every` groups by time, and `fill` says what an empty bin is.

    A gap stays a gap: `fill` is `null`, or `none` where single values are shown as points. `recent` looks
    only at so much time before the range's end, such as `15m`: what is older is no longer so.
    """
    origin = source(name)
    for text in (*fields.values(), *where):
        origin.check(text)
    conditions = " AND ".join([*where, _span(recent)])
    grouping = _grouping(by, every, fill)
    text = f'SELECT {_chosen(fields)} FROM "{name}" WHERE {conditions}{grouping}'  # noqa: S608 - our names
    return Statement(text, origin.retention, _origins(origin, fields), (*by,))


def outer(
    inner: Statement,
    fields: Mapping[str, str],
    *,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    every: str = "",
    recent: str = "",
) -> Statement:
    """Return `SELECT` from another question's answer; empty bins are left out."""
    conditions = " AND ".join([*where, _span(recent)])
    grouping = _grouping(by, every, "none")
    text = f"SELECT {_chosen(fields)} FROM ({inner.text}) WHERE {conditions}{grouping}"  # noqa: S608 - our names
    origins = {alias: inner.origins[alias] for alias in fields if alias in inner.origins}
    return Statement(text, inner.retention, origins, (*by,))


def newest(span: str) -> str:
    """Return the condition for so much time before the range's end."""
    return f"time >= ${{__to}}ms - {span} AND time <= ${{__to}}ms"


def lasts(*columns: str) -> dict[str, str]:
    """Return the expressions for the newest value of each column."""
    return {column: f'last("{column}")' for column in columns}


def tag_values(name: str, tag: str, where: Sequence[str] = ()) -> Statement:
    """Return the values of a tag: what a variable offers."""
    origin = source(name)
    origin.check(f'"{tag}"')
    for condition in where:
        origin.check(condition)
    text = f'SHOW TAG VALUES FROM "{name}" WITH KEY = "{tag}"'
    return Statement(text + (f" WHERE {' AND '.join(where)}" if where else ""), origin.retention)


def _chosen(fields: Mapping[str, str]) -> str:
    return ", ".join(f'{expression} AS "{alias}"' for alias, expression in fields.items())


def _span(recent: str) -> str:
    return newest(recent) if recent else "$timeFilter"


def _grouping(by: Sequence[str], every: str, fill: str) -> str:
    parts = ([f"time({every})"] if every else []) + [f'"{tag}"' for tag in by]
    text = f" GROUP BY {', '.join(parts)}" if parts else ""
    return f"{text} fill({fill})" if every else text


def _origins(origin: Source, fields: Mapping[str, str]) -> dict[str, Column]:
    """Return the column behind each field that comes from one column only."""
    found = {alias: set(_IDENTIFIER.findall(text)) for alias, text in fields.items()}
    return {alias: origin.columns[names.pop()] for alias, names in found.items() if len(names) == 1}
