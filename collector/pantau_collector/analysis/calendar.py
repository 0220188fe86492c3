"""Months, days and minutes of Indonesia's three time zones. No clock is read here.

A minute is counted from 1970 (epoch seconds // 60). There is no daylight saving time, so every local day has
1,440 minutes and an offset is all that a zone needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pantau_collector.registry.timezones import WIB, WIT, WITA, Zone

DAY_MINUTES = 1440
MARGIN_DAYS = 2
# Asia/Pontianak is the name that the IANA database gives to WIB in Kalimantan.
ZONES = {zone.iana: zone for zone in (WIB, WITA, WIT)} | {"Asia/Pontianak": WIB}

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_YEAR, _LAST_YEAR = 2000, 2199


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in local time, with the margin of two days on each side that outages are judged by."""

    year: int
    month: int
    zone: Zone

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.month, 1)

    @property
    def day_count(self) -> int:
        """How many days the month has."""
        following = date(self.year + self.month // 12, self.month % 12 + 1, 1)
        return (following - self.first_day).days

    @property
    def minute_count(self) -> int:
        """How many minutes the month has."""
        return self.day_count * DAY_MINUTES

    @property
    def days(self) -> list[date]:
        """The days of the month with two days of margin on each side, in order."""
        first = self.first_day - timedelta(days=MARGIN_DAYS)
        return [first + timedelta(days=number) for number in range(self.day_count + 2 * MARGIN_DAYS)]

    @property
    def first_minute(self) -> int:
        """The first minute of the month itself, since 1970."""
        return first_minute(self.first_day, self.zone)


def parse_month(text: str, zone: Zone) -> Month:
    """Return the month that `YYYY-MM` names; raises `ValueError` for anything else."""
    match = _MONTH.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month = int(match[1]), int(match[2])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(text)
    date(year, month, 1)  # raises ValueError for a month that is none
    return Month(year, month, zone)


def first_minute(day: date, zone: Zone) -> int:
    """Return the minute since 1970 with which a local day begins."""
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_MINUTES - offset_minutes(zone)


def offset_minutes(zone: Zone) -> int:
    """Return how far a zone is ahead of UTC, in minutes."""
    offset = zone.tzinfo.utcoffset(None)
    return int(offset.total_seconds()) // 60


def instant(minute: int, zone: Zone) -> str:
    """Return the beginning of a minute since 1970 as RFC 3339 in local time."""
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(zone.tzinfo).isoformat()
