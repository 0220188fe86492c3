"""InfluxQL, the one language that InfluxDB 1, 2 and 3 all serve, and rows out of its answers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pantau_collector.storage.influx import lines
from pantau_collector.storage.rows import column_names
from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pantau_collector.storage.base import Value
    from pantau_collector.storage.influx.results import Series
    from pantau_collector.storage.rows import Row

_DEVICES = 200  # in one question


def text(value: str) -> str:
    """Return a text as a literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def names(wanted: Iterable[str]) -> str:
    """Return names as a list of identifiers."""
    return ", ".join([f'"{name}"' for name in wanted])


def of_devices(devices: Iterable[str]) -> str:
    """Return the condition that a point is of one of these devices."""
    return "(" + " OR ".join([f'"device" = {text(device)}' for device in devices]) + ")"


def points(
    kind: str,
    device: str,
    *,
    since_ns: int,
    until_ns: int | None,
    where: Mapping[str, Value],
    newest: int | None,
) -> str:
    """Return the question for a device's points, newest first."""
    conditions = [of_devices([device]), f"time >= {since_ns}"]
    if until_ns is not None:
        conditions.append(f"time < {until_ns}")
    conditions += [f'"{key}" = {text(lines.tag_value(str(value)))}' for key, value in where.items()]
    limit = "" if newest is None else f" LIMIT {int(newest)}"
    return f"{_select(kind)} WHERE {' AND '.join(conditions)} ORDER BY time DESC{limit}"


def window(kind: str, since_ns: int, until_ns: int, devices: Sequence[str] | None) -> Iterator[str]:
    """Yield questions for the points of all devices, or of those, each device's in order of time."""
    span = f"time >= {since_ns} AND time < {until_ns}"
    if devices is None:
        yield f'{_select(kind)} WHERE {span} GROUP BY "device"'
        return
    for start in range(0, len(devices), _DEVICES):
        some = of_devices(devices[start : start + _DEVICES])
        yield f'{_select(kind)} WHERE {some} AND {span} GROUP BY "device"'


def span(name: str, fields: Iterable[str]) -> tuple[str, str]:
    """Return the questions for the first row and the last of a measurement that has any of the fields."""
    start = f'SELECT {names(fields)} FROM "{name}" ORDER BY time'  # noqa: S608 - names are our own
    return f"{start} ASC LIMIT 1", f"{start} DESC LIMIT 1"


def span_of(answer: Iterable[tuple[int, Series]]) -> tuple[int, int] | None:
    """Return the times that `span` was answered, None where there was no row."""
    times = [values[0] for _, table in answer for values in table.values]
    return (min(times), max(times)) if times else None


def devices() -> str:
    """Return the question for the devices of all measurements that are raw."""
    return f'SHOW TAG VALUES FROM {names((*KINDS, lines.DELIVERY))} WITH KEY = "device"'


def points_of(kind: str, devices: Iterable[str], first_ns: int, last_ns: int) -> str:
    """Return the question for the points of several devices, both ends included."""
    return f"{_select(kind)} WHERE {of_devices(devices)} AND time >= {first_ns} AND time <= {last_ns}"


def activity(function: str, kind: str, device: str | None) -> str:
    """Return the question for the count, first or last of each device's points of a kind."""
    condition = "" if device is None else f" WHERE {of_devices([device])}"
    return f'SELECT {function}("seq") FROM "{kind}"{condition} GROUP BY "device"'  # noqa: S608 - our own names


def deliveries(device: str, since_ns: int) -> str:
    """Return the question for what became of a device's numbers, in `Delivery`'s order."""
    wanted = names(("spool", "first_seq", "last_seq", "state", "at_ns", "reason"))
    condition = f"{of_devices([device])} AND time >= {since_ns}"
    return f'SELECT {wanted} FROM "{lines.DELIVERY}" WHERE {condition}'  # noqa: S608 - names are our own


def seqs(kind: str, device: str, spool: str) -> str:
    """Return the question for a spool's numbers."""
    return f'SELECT "seq" FROM "{kind}" WHERE {of_devices([device])} AND "spool" = {text(spool)}'  # noqa: S608


def rows(kind: str, series: Series) -> list[Row]:
    """Return what `points` and `points_of` are answered as rows of the kind."""
    wanted = column_names(kind)
    places = [series.columns.index("time" if name == "time_ns" else name) for name in wanted]
    keys = [wanted.index(name) for name in schema.key_names(kind)]
    return [_row(values, places, keys) for values in series.values]


def _row(values: Sequence[Value], places: Sequence[int], keys: Sequence[int]) -> Row:
    row = [values[place] for place in places]
    for key in keys:
        row[key] = lines.text_of_tag(str(row[key]))
    return tuple(row)


@functools.cache
def _select(kind: str) -> str:
    wanted = [name for name in column_names(kind) if name != "time_ns"]
    return f'SELECT {names(wanted)} FROM "{kind}"'  # noqa: S608 - names are our own
