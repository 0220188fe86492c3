"""A measurement's texts are one line each: no control characters, no line breaks, however they are written.

The JSON of a whole envelope is looked at once, and its texts one by one only where that leaves a doubt: a
pattern for each of them would be a tenth of all that a collector does.
"""

from __future__ import annotations

import functools
import operator
import re
from typing import TYPE_CHECKING

from pantau_wire import schema
from pantau_wire.errors import InvalidRecordError
from pantau_wire.vocabulary import ONE_LINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_wire.fields import Measurement

_ONE_LINE = re.compile(ONE_LINE)


def is_certain(json_text: bytes) -> bool:
    """Return whether all texts in what has been decoded as JSON are printable ASCII; False is a doubt.

    JSON has no control characters below U+0020 in its texts (RFC 8259, 7), and each escape has a backslash.
    """
    return json_text.isascii() and b"\\" not in json_text and b"\x7f" not in json_text


def check(measurement: Measurement) -> None:
    """Raise `InvalidRecordError` where a text of the measurement is more than one line."""
    names = broken(measurement)
    if names:
        raise InvalidRecordError(f"{', '.join(names)} holds a control character or a line break")


def broken(measurement: Measurement) -> list[str]:
    """Return the names of the texts that are more than one line."""
    names, read = _texts_of(schema.kind_of(measurement))
    texts = zip(names, read(measurement), strict=True)
    return [name for name, text in texts if text is not None and _ONE_LINE.match(text) is None]


@functools.cache
def _texts_of(kind: str) -> tuple[list[str], Callable[[Measurement], tuple[str | None, ...]]]:
    names = [column.name for column in schema.columns(kind) if column.type == "text"]
    return names, operator.attrgetter(*names)
