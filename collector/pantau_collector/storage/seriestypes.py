"""What a derived series is made of, and how its columns are written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pantau_wire.schema import Column, ColumnType
from pantau_wire.vocabulary import Text, Unit

Retention = Literal["raw", "rollup", "history"]

AREA_TAGS = ("village", "district", "regency", "province")
DEVICE_TAGS = ("device", *AREA_TAGS)


@dataclass(frozen=True, slots=True)
class Series:
    """One derived measurement. A row is identified by its tags and its time.

    `asked_by`: tags other than the first by which it is often read; SQLite keeps an index for each.
    """

    name: str
    tags: tuple[str, ...]
    columns: tuple[Column, ...]
    retention: Retention
    about: Text
    asked_by: tuple[str, ...] = ("village",)

    def column(self, name: str) -> Column:
        """Return the field of this name; raises `KeyError`."""
        return next(found for found in self.columns if found.name == name)


def number(name: str, label_en: str, label_id: str) -> Column:
    """Return a column of fractions."""
    return _field("float", name, label_en, label_id)


def count(name: str, label_en: str, label_id: str) -> Column:
    """Return a column of whole numbers."""
    return _field("int", name, label_en, label_id)


def flag(name: str, label_en: str, label_id: str) -> Column:
    """Return a column of yes and no."""
    return _field("bool", name, label_en, label_id)


def word(name: str, label_en: str, label_id: str) -> Column:
    """Return a column of texts."""
    return _field("text", name, label_en, label_id)


def _field(kind: ColumnType, name: str, label_en: str, label_id: str) -> Column:
    return Column(name, kind, Unit.of(name), Text(label_en, label_id))
