"""The words fields are made of: units, bounded types, and the text that describes a field.

Bounds are wide: they keep nonsense and attacks out of the store, not unusual networks.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

INT64_MAX = 2**63 - 1


class Unit(enum.Enum):
    """A unit; the value is the suffix that a field's name carries for it."""

    MILLISECONDS = "_ms"
    SECONDS = "_s"
    NANOSECONDS = "_ns"
    BITS_PER_SECOND = "_bps"
    BYTES = "_bytes"
    RATIO = "_ratio"
    COUNT = "_count"
    DECIBEL_MILLIWATT = "_dbm"
    CELSIUS = "_celsius"
    ROUND_TRIPS_PER_MINUTE = "_rpm"
    NONE = ""

    @classmethod
    def of(cls, name: str) -> Unit:
        """Return the unit that a field's name ends in; `NONE` for names, states and flags."""
        return max((unit for unit in cls if name.endswith(unit.value)), key=lambda unit: len(unit.value))


@dataclass(frozen=True, slots=True)
class Text:
    """What people read of a field: a label and a sentence, in English and Indonesian."""

    label_en: str
    label_id: str
    about_en: str = ""
    about_id: str = ""
    key: bool = False
    """Whether the field identifies the point, beside device, kind and time."""


# No control characters (C0, DEL, C1) and no Unicode line breaks: a name is one line in any log or export.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"

# Identifiers stand in MQTT topics and in tags: never "+", "#", "/" or white space.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
"""A `Line` too, of a measurement: `one_line` sees to its characters, a tenth of the ingest's work cheaper."""
Version = Annotated[str, Meta(max_length=40, pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*\Z")]
Fingerprint = Annotated[str, Meta(pattern=r"^[0-9a-f]{16,64}\Z")]

Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]
SignedMilliseconds = Annotated[float, Meta(ge=-1e15, le=1e15)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Nanoseconds = Annotated[int, Meta(ge=0, le=INT64_MAX)]
BitsPerSecond = Annotated[float, Meta(ge=0, le=1e15)]
Bytes = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
AnyRatio = Annotated[float, Meta(ge=0, le=1e9)]
Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Dbm = Annotated[float, Meta(ge=-200, le=100)]
Celsius = Annotated[float, Meta(ge=-273.15, le=1000)]
HttpStatus = Annotated[int, Meta(ge=100, le=599)]
RoundTripsPerMinute = Annotated[float, Meta(ge=0, le=1e9)]
BitsPerSecondSeries = Annotated[tuple[BitsPerSecond, ...], Meta(max_length=120)]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}\Z")]
