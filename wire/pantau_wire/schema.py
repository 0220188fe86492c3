"""Columns, derived from the table in `pantau_wire.fields`: what storage and screens work with."""

from __future__ import annotations

import functools
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from pantau_wire.fields import KINDS, Measurement
from pantau_wire.vocabulary import Text, Unit

ColumnType = Literal["float", "int", "bool", "text", "series"]
"""`series` is a short tuple of numbers; stores that have scalars only keep it as JSON text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of one kind: name, storage type, unit, the words for it, and whether it is a key."""

    name: str
    type: ColumnType
    unit: Unit
    text: Text

    @property
    def key(self) -> bool:
        """Whether the field identifies the point, beside device, kind and time."""
        return self.text.key


def kind_of(measurement: Measurement) -> str:
    """Return the kind's name, as it stands in the JSON."""
    return typing.cast("str", measurement.__struct_config__.tag)


@functools.cache
def columns(kind: str) -> tuple[Column, ...]:
    """Return the columns of a kind, keys first, then in the order of the table."""
    hints = typing.get_type_hints(KINDS[kind], include_extras=True)
    found = [_column(name, hints[name]) for name in KINDS[kind].__struct_fields__]
    return tuple(sorted(found, key=lambda column: not column.key))


@functools.cache
def key_names(kind: str) -> tuple[str, ...]:
    """Return the names of the fields that identify a point of the kind."""
    return tuple(column.name for column in columns(kind) if column.key)


@functools.cache
def has_free_keys(kind: str) -> bool:
    """Return whether a device can invent keys of the kind: not all of them are words from a fixed list."""
    hints = typing.get_type_hints(KINDS[kind])
    return any(typing.get_origin(hints[name]) is not Literal for name in key_names(kind))


def _column(name: str, annotation: Any) -> Column:
    text = next(extra for extra in annotation.__metadata__ if isinstance(extra, Text))
    return Column(name, _column_type(annotation.__origin__), Unit.of(name), text)


def _column_type(annotation: Any) -> ColumnType:
    if hasattr(annotation, "__metadata__"):
        return _column_type(annotation.__origin__)
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(annotation) if arg is not types.NoneType]
        return _column_type(inner[0])
    if origin is Literal:
        return "text"
    if origin is tuple:
        return "series"
    plain: dict[Any, ColumnType] = {float: "float", int: "int", bool: "bool", str: "text"}
    return plain[annotation]
