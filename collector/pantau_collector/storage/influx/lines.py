r"""Line protocol, straight from the wire's table of fields: one series per device and key of a kind.

Made with one formatting per shape of a row (which values it has), a tenth of what a client library's point
objects cost. Every value is one line: the wire lets no line breaks through.

A backslash cannot be told from an escape at the end of a tag, and the versions of InfluxDB do not agree on it
anywhere else in one. So tags have none: `\` is written as a full-width backslash and `/`, and a full-width
backslash as two of them. Line breaks and tabs, which only a derived series can have, are written likewise.
"""

from __future__ import annotations

import functools
import operator
import re
from typing import TYPE_CHECKING, NamedTuple

from pantau_collector.storage.rows import STAMP_COUNT, column_names
from pantau_wire import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Delivery, Value
    from pantau_collector.storage.rows import Row

_WIDE = "\N{FULLWIDTH REVERSE SOLIDUS}"
_TO_TAG = str.maketrans(
    {"\\": f"{_WIDE}/", _WIDE: _WIDE * 2, "\n": f"{_WIDE}n", "\r": f"{_WIDE}r", "\t": f"{_WIDE}t"}
)
_MEANT = {"/": "\\", _WIDE: _WIDE, "n": "\n", "r": "\r", "t": "\t"}
_FROM_TAG = re.compile(f"{_WIDE}([{''.join(_MEANT)}])")
_ESCAPES = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
_TAGS_KEPT = 65_536
_FORMS_KEPT = 1024

DELIVERY = "delivery"
_SPREAD_NS = 1_000_000_007  # a prime, and a factor below it: no two numbers of one message meet
_SPREAD_FACTOR = 618_033_989


def tag_value(text: str) -> str:
    """Return a text as it is kept in a tag."""
    return text.translate(_TO_TAG)


def text_of_tag(value: str) -> str:
    """Return the text that `tag_value` made a tag of."""
    return _FROM_TAG.sub(lambda found: _MEANT[found[1]], value)


def series_of(kind: str, row: Row) -> str:
    """Return measurement and tags of a row's line: with the time they identify the point."""
    keys = row[STAMP_COUNT : STAMP_COUNT + len(schema.key_names(kind))]
    return f"{kind},device={row[0]}{_tags(kind, keys)}"


def point_line(kind: str, series: str, row: Row) -> str:
    """Return a row's line; absent values are left out of it."""
    form = _form(kind, tuple(map(type, row[STAMP_COUNT:])))
    fields = form.template % form.pick(row)
    if "\\" in fields or fields.count('"') != form.quotes_count:
        fields = form.template % form.pick(tuple(map(_escaped, row)))
    return f"{series} {fields}"


def delivery_line(entry: Delivery) -> str:
    """Return a delivery's line: its first number moves the time by a second at most, to tell ranges apart."""
    spread_ns = entry.first_seq * _SPREAD_FACTOR % _SPREAD_NS
    return (
        f"{DELIVERY},device={entry.device},spool={entry.spool},state={entry.state}"
        f" first_seq={entry.first_seq}i,last_seq={entry.last_seq}i,at_ns={entry.at_ns}i,"
        f"reason={_text(entry.reason)} {entry.at_ns + spread_ns}"
    )


@functools.lru_cache(maxsize=_TAGS_KEPT)
def tag(text: str) -> str:
    """Return a text as it stands in a line's tags."""
    return tag_value(text).translate(_ESCAPES)


def _escaped(value: Value) -> Value:
    return value.replace("\\", "\\\\").replace('"', '\\"') if isinstance(value, str) else value


def _text(value: Value) -> str:
    return f'"{_escaped(str(value))}"'


_STAMP_FORMATS = {"spool": '"%s"', "seq": "%di", "boot": '"%s"', "uptime_ns": "%di", "clock": '"%s"'}
_FORMATS = {"float": "%r", "int": "%di", "bool": "%s", "text": '"%s"', "series": '"%s"'}
_NONE = type(None)

WRITTEN: dict[str, Callable[[Value], str]] = {
    "float": repr,
    "int": "{}i".format,
    "bool": str,
    "text": _text,
    "series": _text,
}


@functools.lru_cache(maxsize=_TAGS_KEPT)
def _tags(kind: str, keys: tuple[str, ...]) -> str:
    """Return a kind's keys as tags, sorted as InfluxDB likes them."""
    tags = sorted(zip(schema.key_names(kind), keys, strict=True))
    return "".join([f",{name}={tag(text)}" for name, text in tags])


class _Form(NamedTuple):
    """How the rows of one shape are written: what stands in between, and the values in their order."""

    template: str
    pick: Callable[[Row], tuple[Value, ...]]
    quotes_count: int


@functools.lru_cache(maxsize=_FORMS_KEPT)
def _form(kind: str, types: tuple[type, ...]) -> _Form:
    """Return the form of a kind's rows with columns of these types; where a value is absent, nothing."""
    names = column_names(kind)
    formats = dict(_STAMP_FORMATS)
    formats |= {column.name: _FORMATS[column.type] for column in schema.columns(kind) if not column.key}
    held = {name for name, one in zip(names[STAMP_COUNT:], types, strict=True) if one is not _NONE}
    written = [name for name in names if name in _STAMP_FORMATS or (name in formats and name in held)]
    template = ",".join(f"{name}={formats[name]}" for name in written) + " %d"
    pick = operator.itemgetter(*map(names.index, [*written, "time_ns"]))
    return _Form(template, pick, template.count('"'))
