"""What is moved, as tables of plain values: a table for each kind, for deliveries and for each series."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pantau_collector.errors import TransferError
from pantau_collector.storage.base import Arrival, Delivery, DeliveryState, Point, SeriesRow
from pantau_collector.storage.series import SERIES
from pantau_wire import one_line, schema
from pantau_wire.envelope import Record
from pantau_wire.fields import KINDS
from pantau_wire.vocabulary import Id

if TYPE_CHECKING:
    from pantau_wire.schema import Column, ColumnType

Content = Literal["points", "deliveries", "series"]
Row = Sequence[Any]
Thing = Arrival | Delivery | SeriesRow

_POINT_STAMP: dict[str, ColumnType] = {
    "device": "text",
    "time_ns": "int",
    "spool": "text",
    "seq": "int",
    "boot": "text",
    "uptime_ns": "int",
    "clock": "text",
}
_DELIVERY: dict[str, ColumnType] = {
    "device": "text",
    "spool": "text",
    "first_seq": "int",
    "last_seq": "int",
    "state": "text",
    "at_ns": "int",
    "reason": "text",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns with their types, in the order of a row's values."""

    content: Content
    name: str
    columns: dict[str, ColumnType]


@functools.cache
def every() -> tuple[Table, ...]:
    """Return all tables: what is measured first, then what came of it."""
    points = (Table("points", kind, _POINT_STAMP | _typed_columns(schema.columns(kind))) for kind in KINDS)
    series = (
        Table(
            "series",
            name,
            _typed(one.tags, "text") | {"time_ns": "int"} | _typed_columns(one.columns),
        )
        for name, one in SERIES.items()
    )
    return (*points, Table("deliveries", "delivery", _DELIVERY), *series)


def _typed(names: Iterable[str], of_type: ColumnType) -> dict[str, ColumnType]:
    return dict.fromkeys(names, of_type)


def _typed_columns(columns: Iterable[Column]) -> dict[str, ColumnType]:
    return {column.name: column.type for column in columns}


def find(content: object, name: object) -> Table:
    """Return the table of this content and name; raises `TransferError`."""
    for table in every():
        if (table.content, table.name) == (content, name):
            return table
    raise TransferError(f"there is no table {content} {name}: it may be from a newer version")


def row_of_point(point: Point) -> Row:
    """Return a point as a row."""
    stamp = (point.device, point.time_ns, point.spool, point.seq, point.boot, point.uptime_ns, point.clock)
    return (*stamp, *point.values.values())


def row_of_delivery(entry: Delivery) -> Row:
    """Return a delivery as a row."""
    return msgspec.structs.astuple(entry)


def row_of_series(table: Table, row: SeriesRow) -> Row:
    """Return a row of a series as a plain one."""
    columns = list(table.columns)[len(row.tags) + 1 :]
    return (*row.tags, row.time_ns, *map(row.values.get, columns))


def reader(table: Table, columns: Sequence[str]) -> Callable[[Row], Thing]:
    """Return what makes a thing for the store of a row with these columns, in this order.

    Columns may be missing, if they may be empty. Raises `TransferError` for columns that there are not; what
    it returns raises `ValueError` for values that cannot be.
    """
    unknown = set(columns) - table.columns.keys()
    if unknown or len(set(columns)) != len(columns):
        raise TransferError(f"{table.name} has no column {', '.join(sorted(unknown)) or 'twice'}")
    return _MAKERS[table.content](table, tuple(columns))


class _Origin(msgspec.Struct, frozen=True):
    device: Id
    spool: Id
    boot: Id


class _Entry(msgspec.Struct, frozen=True):
    device: Id
    spool: Id
    first_seq: int
    last_seq: int
    state: DeliveryState
    at_ns: int
    reason: str = ""


@functools.lru_cache(maxsize=65_536)
def _origin(device: object, spool: object, boot: object) -> _Origin:
    return msgspec.convert({"device": device, "spool": spool, "boot": boot}, _Origin)


def _point_maker(table: Table, columns: tuple[str, ...]) -> Callable[[Row], Arrival]:
    kind = table.name

    def make(row: Row) -> Arrival:
        found = {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        stamp = {name: found.pop(name, None) for name in _POINT_STAMP}
        origin = _origin(stamp.pop("device"), stamp.pop("spool"), stamp.pop("boot"))
        record = msgspec.convert({**stamp, "data": {"kind": kind, **found}}, Record)
        one_line.check(record.data)
        return Arrival(origin.device, origin.spool, origin.boot, record)

    return make


def _delivery_maker(_table: Table, columns: tuple[str, ...]) -> Callable[[Row], Delivery]:
    def make(row: Row) -> Delivery:
        entry = msgspec.convert(dict(zip(columns, row, strict=True)), _Entry)
        return Delivery(**msgspec.structs.asdict(entry))

    return make


def _series_maker(table: Table, columns: tuple[str, ...]) -> Callable[[Row], SeriesRow]:
    tags = SERIES[table.name].tags
    places = [columns.index(tag) for tag in tags if tag in columns]
    if len(places) != len(tags) or "time_ns" not in columns:
        raise TransferError(f"{table.name} needs the columns {', '.join(tags)} and time_ns")
    time = columns.index("time_ns")
    values = [(at, name) for at, name in enumerate(columns) if at != time and at not in places]

    def make(row: Row) -> SeriesRow:
        texts = tuple([row[place] for place in places])
        if (
            len(row) != len(columns)
            or type(row[time]) is not int
            or not all(type(one) is str for one in texts)
        ):
            raise msgspec.ValidationError("a tag is no text, the time no number, or a value is missing")
        found = {name: row[at] for at, name in values if row[at] is not None}
        return SeriesRow(table.name, texts, row[time], found)

    return make


_MAKERS: dict[Content, Callable[[Table, tuple[str, ...]], Callable[[Row], Thing]]] = {
    "points": _point_maker,
    "deliveries": _delivery_maker,
    "series": _series_maker,
}
