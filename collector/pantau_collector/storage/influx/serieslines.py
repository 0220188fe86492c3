"""Lines and questions of derived series: all tags are tags, an empty one is left out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from pantau_collector.storage import derived
from pantau_collector.storage.influx import lines, questions
from pantau_collector.storage.series import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pantau_collector.storage.base import SeriesRow
    from pantau_collector.storage.influx.results import Series as Table
    from pantau_collector.storage.seriestypes import Series

_HEADS_KEPT = 65_536
_WRITERS: dict[str, Callable[..., str]] = {name: form.format for name, form in lines.FORMS.items()}
_WRITERS["text"] = lines.quoted


def line(row: SeriesRow) -> str:
    """Return the line of a row that `derived.by_series` made."""
    writers = _writers(row.series)
    fields = ",".join([f"{name}={writers[name](value)}" for name, value in row.values.items()])
    return f"{_head(row.series, row.tags)} {fields} {row.time_ns}"


def question(
    series: Series,
    *,
    since_ns: int,
    until_ns: int | None,
    where: Mapping[str, Sequence[str]],
    newest: int | None,
) -> str:
    """Return the question for rows of a series, each combination of tags by itself."""
    wanted = [column.name for column in series.columns]
    last = "" if newest is None else f" ORDER BY time DESC LIMIT {int(newest)}"
    return _selection(series, wanted, since_ns=since_ns, until_ns=until_ns, where=where) + last


def columns_question(
    series: Series,
    wanted: Sequence[str],
    *,
    since_ns: int,
    until_ns: int | None,
    where: Mapping[str, Sequence[str]],
) -> str:
    """Return the question for some columns only."""
    fields = [name for name in wanted if name not in (*series.tags, "time_ns")]
    return _selection(series, fields, since_ns=since_ns, until_ns=until_ns, where=where)


def add_columns(series: Series, table: Table, found: dict[str, list[Any]]) -> None:
    """Add what `columns_question` was answered, a table for each combination of tags."""
    columns = list(zip(*table.values, strict=True))
    for name, values in found.items():
        if name in series.tags:
            values.extend([lines.text_of_tag(table.tags.get(name, ""))] * len(table.values))
        else:
            values.extend(columns[table.columns.index("time" if name == "time_ns" else name)])


def _selection(
    series: Series,
    fields: Sequence[str],
    *,
    since_ns: int,
    until_ns: int | None,
    where: Mapping[str, Sequence[str]],
) -> str:
    conditions = [f"time >= {since_ns}"] + ([] if until_ns is None else [f"time < {until_ns}"])
    conditions += [_any_of(tag, texts) for tag, texts in where.items()]
    return (
        f'SELECT {questions.names(fields)} FROM "{series.name}" WHERE {" AND ".join(conditions)}'  # noqa: S608 - our own names
        f" GROUP BY {questions.names(series.tags)}"
    )


def erasure(row: SeriesRow) -> str:
    """Return the statement that erases the row in this place; InfluxDB 1 and 2 know it."""
    tags = [_any_of(tag, [text]) for tag, text in zip(SERIES[row.series].tags, row.tags, strict=True)]
    place = " AND ".join([*tags, f"time >= {row.time_ns}", f"time <= {row.time_ns}"])
    return f'DELETE FROM "{row.series}" WHERE {place}'  # noqa: S608 - names are our own


def rows(series: Series, table: Table) -> Iterator[SeriesRow]:
    """Return what `question` was answered, a table for each combination of tags."""
    tags = tuple(lines.text_of_tag(table.tags.get(tag, "")) for tag in series.tags)
    time = table.columns.index("time")
    places = [table.columns.index(column.name) for column in series.columns]
    for values in table.values:
        yield derived.row_of(series, tags, values[time], [values[place] for place in places])


def _any_of(tag: str, texts: Sequence[str]) -> str:
    return "(" + " OR ".join(f'"{tag}" = {questions.text(lines.tag_value(text))}' for text in texts) + ")"


@functools.lru_cache(maxsize=_HEADS_KEPT)
def _head(name: str, tags: tuple[str, ...]) -> str:
    places = sorted(zip(SERIES[name].tags, tags, strict=True))
    return name + "".join([f",{tag}={lines.tag(text)}" for tag, text in places if text])


@functools.cache
def _writers(name: str) -> dict[str, Callable[..., str]]:
    return {column.name: _WRITERS[column.type] for column in SERIES[name].columns}
