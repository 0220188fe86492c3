r"""Line protocol, straight from the wire's table of fields: one series per device and key of a kind.

Made with f-strings, a fifth of what a client library's point objects cost. Every value is one line: the wire
lets no line breaks through.

A backslash cannot be told from an escape at the end of a tag, and the versions of InfluxDB do not agree on it
anywhere else in one. So tags have none: `\` is written as a full-width backslash and `/`, and a full-width
backslash as two of them.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from pantau_collector.storage.rows import STAMP_COUNT
from pantau_wire import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Delivery, Value
    from pantau_collector.storage.rows import Row

_WIDE = "\N{FULLWIDTH REVERSE SOLIDUS}"
_TO_TAG = str.maketrans({"\\": f"{_WIDE}/", _WIDE: _WIDE * 2})
_FROM_TAG = re.compile(f"{_WIDE}([/{_WIDE}])")
_ESCAPES = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
_TAGS_KEPT = 65_536

DELIVERY = "delivery"
_SPREAD_NS = 1_000_000_007  # a prime, and a factor below it: no two numbers of one message meet
_SPREAD_FACTOR = 618_033_989


def tag_value(text: str) -> str:
    """Return a text as it is kept in a tag."""
    return text.translate(_TO_TAG)


def text_of_tag(value: str) -> str:
    """Return the text that `tag_value` made a tag of."""
    return _FROM_TAG.sub(lambda found: "\\" if found[1] == "/" else _WIDE, value)


def series_of(kind: str, row: Row) -> str:
    """Return measurement and tags of a row's line: with the time they identify the point."""
    tags = _tag_places(kind)
    return f"{kind},device={row[0]}" + "".join([f",{name}={_tag(row[place])}" for name, place in tags])


def point_line(kind: str, series: str, row: Row) -> str:
    """Return a row's line; absent values are left out of it."""
    _, time_ns, spool, seq, boot, uptime_ns, clock = row[:STAMP_COUNT]
    start, prefixes, writers = _fields(kind)
    fields = [
        prefix + written(value)
        for prefix, written, value in zip(prefixes, writers, row[start:], strict=True)
        if value is not None
    ]
    stamp = f'spool="{spool}",seq={seq}i,boot="{boot}",uptime_ns={uptime_ns}i,clock="{clock}"'
    return f"{series} {stamp}{''.join(fields)} {time_ns}"


def delivery_line(entry: Delivery) -> str:
    """Return a delivery's line: its first number moves the time by a second at most, to tell ranges apart."""
    spread_ns = entry.first_seq * _SPREAD_FACTOR % _SPREAD_NS
    return (
        f"{DELIVERY},device={entry.device},spool={entry.spool},state={entry.state}"
        f" first_seq={entry.first_seq}i,last_seq={entry.last_seq}i,at_ns={entry.at_ns}i,"
        f"reason={_text(entry.reason)} {entry.at_ns + spread_ns}"
    )


@functools.lru_cache(maxsize=_TAGS_KEPT)
def _tag(text: str) -> str:
    return tag_value(text).translate(_ESCAPES)


def _text(value: Value) -> str:
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_WRITTEN: dict[str, Callable[[Value], str]] = {
    "float": repr,
    "int": "{}i".format,
    "bool": str,
    "text": _text,
    "series": _text,
}


@functools.cache
def _tag_places(kind: str) -> tuple[tuple[str, int], ...]:
    """Return the key columns and where they stand in a row, sorted as InfluxDB likes its tags."""
    return tuple(sorted((name, STAMP_COUNT + at) for at, name in enumerate(schema.key_names(kind))))


@functools.cache
def _fields(kind: str) -> tuple[int, list[str], list[Callable[[Value], str]]]:
    """Return where the fields begin in a row, what stands before each, and how each is written."""
    plain = [column for column in schema.columns(kind) if not column.key]
    start = STAMP_COUNT + len(schema.key_names(kind))
    return start, [f",{column.name}=" for column in plain], [_WRITTEN[column.type] for column in plain]
