r"""Line protocol: one series per device and key of a kind. Every value is one line: the wire sees to that.

A backslash cannot be told from an escape at the end of a tag, and the versions of InfluxDB do not agree on it
anywhere else in one. So tags have none: `\` is written as a full-width backslash and `/`, and a full-width
backslash as two of them. Line breaks and tabs, which only a derived series can have, are written likewise.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from pantau_collector.storage.rows import STAMP_COUNT
from pantau_wire import schema

if TYPE_CHECKING:
    from pantau_collector.storage.base import Delivery
    from pantau_collector.storage.rows import Row

_WIDE = "\N{FULLWIDTH REVERSE SOLIDUS}"
_TO_TAG = str.maketrans(
    {"\\": f"{_WIDE}/", _WIDE: _WIDE * 2, "\n": f"{_WIDE}n", "\r": f"{_WIDE}r", "\t": f"{_WIDE}t"}
)
_MEANT = {"/": "\\", _WIDE: _WIDE, "n": "\n", "r": "\r", "t": "\t"}
_FROM_TAG = re.compile(f"{_WIDE}([{''.join(_MEANT)}])")
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
    return _FROM_TAG.sub(lambda found: _MEANT[found[1]], value)


def series_of(kind: str, row: Row) -> str:
    """Return measurement and tags of a row's line: with the time they identify the point."""
    keys = row[STAMP_COUNT : STAMP_COUNT + len(schema.key_names(kind))]
    return f"{kind},device={row[0]}{_tags(kind, keys)}"


def delivery_line(entry: Delivery) -> str:
    """Return a delivery's line: its first number moves the time by a second at most, to tell ranges apart."""
    spread_ns = entry.first_seq * _SPREAD_FACTOR % _SPREAD_NS
    return (
        f"{DELIVERY},device={entry.device},spool={entry.spool},state={entry.state}"
        f" first_seq={entry.first_seq}i,last_seq={entry.last_seq}i,at_ns={entry.at_ns}i,"
        f"reason={quoted(entry.reason)} {entry.at_ns + spread_ns}"
    )


@functools.lru_cache(maxsize=_TAGS_KEPT)
def tag(text: str) -> str:
    """Return a text as it stands in a line's tags."""
    return tag_value(text).translate(_ESCAPES)


def quoted(text: str) -> str:
    """Return a text as it stands in a line's fields."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


FORMS = {"float": "{}", "int": "{}i", "bool": "{}"}
"""How a value of a column type that is no text stands in a line's fields."""


@functools.lru_cache(maxsize=_TAGS_KEPT)
def _tags(kind: str, keys: tuple[str, ...]) -> str:
    """Return a kind's keys as tags, sorted as InfluxDB likes them."""
    tags = sorted(zip(schema.key_names(kind), keys, strict=True))
    return "".join([f",{name}={tag(text)}" for name, text in tags])
