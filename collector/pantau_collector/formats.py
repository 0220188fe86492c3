"""Numbers, units and times as people read them in their language. Pure; cached where pages repeat them."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal

from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from pantau_collector.i18n import Language
    from pantau_collector.registry.timezones import Zone

SECOND_NS = 1_000_000_000
_HOUR_S = 3600
_LONG_S = 120

# Largest factor first; the first that a value reaches is used.
_SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    Unit.BITS_PER_SECOND: ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1, "bit/s")),
    Unit.BYTES: ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")),
    Unit.RATIO: ((0.01, "%"),),
    Unit.MILLISECONDS: ((1, "ms"),),
    Unit.NANOSECONDS: ((1, "ns"),),
    Unit.SECONDS: ((1, "s"),),
    Unit.DECIBEL_MILLIWATT: ((1, "dBm"),),
    Unit.CELSIUS: ((1, "°C"),),
    Unit.ROUND_TRIPS_PER_MINUTE: ((1, "RPM"),),
    Unit.COUNT: ((1, ""),),
    Unit.NONE: ((1, ""),),
}


def scale_of(unit: Unit, largest: float) -> tuple[float, str]:
    """Return the factor and the symbol of the scale that suits values up to `largest`."""
    scales = _SCALES[unit]
    return next((scale for scale in scales if abs(largest) >= scale[0]), scales[-1])


@functools.lru_cache(maxsize=4096)
def number(value: float, language: Language, digits: int | None = None) -> str:
    """Return a number; without `digits`, as many decimals as its size deserves, two at most."""
    if digits is None:
        digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0  # noqa: PLR2004
        if value == int(value):
            digits = 0
    return format_decimal(value, format=f"#,##0.{'0' * digits}" if digits else "#,##0", locale=language)


def amount(value: float, unit: Unit, language: Language) -> tuple[str, str]:
    """Return a value's number and unit, apart: `("38,16", "Mbit/s")`."""
    factor, symbol = scale_of(unit, value)
    rate = unit is Unit.BITS_PER_SECOND and factor > 1
    return number(value / factor, language, 2 if rate else None), symbol


def quantity(value: float, unit: Unit, language: Language) -> str:
    """Return a value with its unit: `38,16 Mbit/s`, `0,5%`; long times in words."""
    if unit is Unit.SECONDS and value >= _LONG_S:
        return duration(value, language)
    figure, symbol = amount(value, unit, language)
    return f"{figure}{symbol}" if symbol == "%" else f"{figure}\N{NO-BREAK SPACE}{symbol}".strip()


def local(time_ns: int, zone: Zone) -> datetime:
    """Return ns since 1970 as a wall clock of the zone, to the second."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).astimezone(zone.tzinfo)


@functools.lru_cache(maxsize=16384)
def clock(time_ns: int, zone: Zone, language: Language, *, seconds: bool = True) -> str:
    """Return the time of day: `12.31.05` in Indonesian, `12:31:05` in English."""
    mark = "." if language == "id" else ":"
    return local(time_ns, zone).strftime(f"%H{mark}%M{mark}%S" if seconds else f"%H{mark}%M")


@functools.lru_cache(maxsize=16384)
def instant(time_ns: int, zone: Zone, language: Language) -> str:
    """Return date, time of day and zone: `22 Nov 2026 12.31.05 WIB`."""
    return f"{day(time_ns, zone, language, year=True)} {clock(time_ns, zone, language)} {zone.name}"


@functools.lru_cache(maxsize=4096)
def day(time_ns: int, zone: Zone, language: Language, *, year: bool = False) -> str:
    """Return the date, such as `22 Nov`, with the year if wanted."""
    return format_date(local(time_ns, zone), "d MMM y" if year else "d MMM", locale=language)


@functools.lru_cache(maxsize=4096)
def date_text(day: date, language: Language, *, year: bool = False) -> str:
    """Return a date such as `5 Sep`, with the year `5 September 2026`."""
    return format_date(day, "d MMMM y" if year else "d MMM", locale=language)


def moment(time_ns: int, zone: Zone, language: Language) -> str:
    """Return day and time of day, for tables: `22 Nov 12.31.05`."""
    return f"{day(time_ns, zone, language)} {clock(time_ns, zone, language)}"


def iso(time_ns: int, zone: Zone) -> str:
    """Return RFC 3339, as the attribute `datetime` of HTML wants it."""
    return local(time_ns, zone).isoformat()


def ago(time_ns: int, now_ns: int, language: Language) -> str:
    """Return how long ago an instant was: `3 menit yang lalu`."""
    seconds = round((time_ns - now_ns) / SECOND_NS)
    threshold = 1.5 if abs(seconds) >= _HOUR_S else 1.0
    return format_timedelta(
        timedelta(seconds=seconds), add_direction=True, threshold=threshold, locale=language
    )


def duration(seconds: float, language: Language) -> str:
    """Return a length of time in words, in its largest sensible unit: `3 jam`."""
    return format_timedelta(timedelta(seconds=round(seconds)), threshold=1.5, locale=language)
