"""Rows of derived series as stores keep them: checked against the table of series, each value of its type.

What all stores have in common, as `rows` is for measurements.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import SERIES
from pantau_wire.vocabulary import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pantau_collector.storage.seriestypes import Series
    from pantau_wire.schema import Column, ColumnType

Scalar = float | int | bool | str


def known(name: str) -> Series:
    """Return the series of this name; raises `ValueError`."""
    if name not in SERIES:
        raise ValueError(f"{name} is no derived series")
    return SERIES[name]


def by_series(rows: Iterable[SeriesRow]) -> dict[str, list[SeriesRow]]:
    """Return the rows, checked and with every value of its column's type, by series.

    Of two rows for one place the later one counts. Raises `ValueError` for what the table of series does not
    have, and for what no store could keep.
    """
    found: dict[str, dict[tuple[object, ...], SeriesRow]] = defaultdict(dict)
    for row in rows:
        found[row.series][row.tags, row.time_ns] = _checked(row)
    return {name: list(places.values()) for name, places in found.items()}


def conditions(series: Series, where: Mapping[str, str | Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """Return the wanted texts of each tag in `where`; raises `ValueError` for what is no tag."""
    if not set(where or ()) <= set(series.tags):
        raise ValueError(f"{series.name} can be asked by {', '.join(series.tags)} only")
    return {
        tag: (wanted,) if isinstance(wanted, str) else tuple(wanted) for tag, wanted in (where or {}).items()
    }


def wanted(series: Series, names: Sequence[str]) -> Sequence[str]:
    """Return the names of tags, columns or `time_ns`; raises `ValueError` for what is none of them."""
    known_names = {*series.tags, "time_ns", *(column.name for column in series.columns)}
    if unknown := set(names) - known_names:
        raise ValueError(f"{series.name} has no column {', '.join(sorted(unknown))}")
    return names


def row_of(series: Series, tags: tuple[str, ...], time_ns: int, values: Iterable[object]) -> SeriesRow:
    """Return a stored row, from its values in the order of the columns, None for none."""
    return SeriesRow(series.name, tags, time_ns, dict(_from_stored(series, values)))


def _from_stored(series: Series, values: Iterable[object]) -> Iterator[tuple[str, Scalar]]:
    for (name, convert), value in zip(_converters(series.name).items(), values, strict=True):
        if value is not None:
            yield name, convert(value)


def _checked(row: SeriesRow) -> SeriesRow:
    series = known(row.series)
    if len(row.tags) != len(series.tags):
        raise ValueError(f"{row.series} has the tags {', '.join(series.tags)}, not {row.tags}")
    if not row.values or not 0 <= row.time_ns <= INT64_MAX:
        raise ValueError(f"{row.series}: a row needs a value, and a time since 1970")
    return row if _is_plain(row) else _converted(row)


def _is_plain(row: SeriesRow) -> bool:
    """Return whether all values are as their columns want them: nearly always, and soon told."""
    types = _plain_types(row.series)
    for name, value in row.values.items():
        wanted = types.get(name)
        if wanted is not type(value):
            return False
        if wanted is float and not math.isfinite(value):  # type: ignore[arg-type]
            return False
        if wanted is int and abs(value) > INT64_MAX:  # type: ignore[arg-type]
            return False
    return True


def _converted(row: SeriesRow) -> SeriesRow:
    converters = _converters(row.series)
    try:
        values = {name: converters[name](value) for name, value in row.values.items()}
    except KeyError as error:
        raise ValueError(f"{row.series} has no column {error.args[0]}") from None
    return SeriesRow(row.series, row.tags, row.time_ns, values)


@functools.cache
def _plain_types(name: str) -> dict[str, type]:
    plain: dict[ColumnType, type] = {"float": float, "int": int, "bool": bool, "text": str}
    return {column.name: plain[column.type] for column in SERIES[name].columns}


@functools.cache
def _converters(name: str) -> dict[str, Callable[[object], Scalar]]:
    return {column.name: _converter(name, column) for column in SERIES[name].columns}


def _converter(series: str, column: Column) -> Callable[[object], Scalar]:
    """Return what gives a value the column's type, or raises `ValueError` where that would change it."""
    accepts, make = _TYPES[column.type]

    def convert(value: object) -> Scalar:
        if not accepts(value):
            raise ValueError(f"{series}.{column.name} is of type {column.type}, and cannot be {value!r}")
        return make(value)

    return convert


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and abs(value) <= INT64_MAX  # type: ignore[arg-type]


_TYPES: dict[ColumnType, tuple[Callable[[object], bool], Callable[..., Scalar]]] = {
    "float": (_is_number, float),
    "int": (_is_whole, int),
    "bool": (lambda value: value in (0, 1), bool),
    "text": (lambda value: isinstance(value, str), str),
}
