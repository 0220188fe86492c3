"""Months and days as instants: a month's rows stand at its first instant in the area's own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pantau_collector.analysis.calendar import MARGIN_DAYS, Month, first_minute, offset_minutes, parse_month
from pantau_collector.registry.timezones import WIB, WIT, Zone, zone_of

MINUTE_NS = 60 * 10**9
DAY_NS = 1440 * MINUTE_NS
CLOSES_ON_DAY = 5


def month_in(month: str, area: str) -> Month:
    """Return the month in an area's zone (the nation's is WIB); raises `ValueError` for what is no month."""
    return parse_month(month, zone_of(area))


def month_ns(month: str, area: str) -> int:
    """Return a month's first instant in an area, ns since 1970."""
    return month_in(month, area).first_minute * MINUTE_NS


def span_ns(month: Month) -> tuple[int, int]:
    """Return a month's first instant and that of the next, ns since 1970."""
    since_ns = month.first_minute * MINUTE_NS
    return since_ns, since_ns + month.minute_count * MINUTE_NS


def margined_span_ns(month: Month) -> tuple[int, int]:
    """Return the span of a month and the days of margin on each side, ns since 1970."""
    since_ns, until_ns = span_ns(month)
    return since_ns - MARGIN_DAYS * DAY_NS, until_ns + MARGIN_DAYS * DAY_NS


def closes_on(month: str) -> date:
    """Return the local day with which a month closes: the 5th of the next."""
    return date.fromisoformat(f"{plus(month, 1)}-{CLOSES_ON_DAY:02}")


def closes_at_ns(month: str, area: str) -> int:
    """Return when a month closes in an area, ns since 1970."""
    return day_ns(closes_on(month), zone_of(area))


def first_instants(month: str) -> tuple[int, int]:
    """Return from when until when a month begins in Indonesia: `[since, until)` holds each zone's instant."""
    return (
        parse_month(month, WIT).first_minute * MINUTE_NS,
        parse_month(month, WIB).first_minute * MINUTE_NS + 1,
    )


def month_of(time_ns: int) -> str:
    """Return the month that begins at an instant, whichever zone's it is."""
    return local_day(time_ns, WIT).isoformat()[:7]


def local_day(time_ns: int, zone: Zone) -> date:
    """Return the local day that an instant lies in."""
    return datetime.fromtimestamp(time_ns // 10**9, UTC).astimezone(zone.tzinfo).date()


def day_ns(day: date, zone: Zone) -> int:
    """Return a local day's first instant, ns since 1970."""
    return first_minute(day, zone) * MINUTE_NS


def first_day_from(time_ns: int, zone: Zone) -> date:
    """Return the first local day that begins at or after an instant."""
    day = local_day(time_ns, zone)
    return day if day_ns(day, zone) == time_ns else day + timedelta(days=1)


def day_number(time_ns: int, zone: Zone) -> int:
    """Return how many days after 1970-01-01 the local day of an instant is."""
    return (time_ns // MINUTE_NS + offset_minutes(zone)) // 1440


def plus(month: str, months: int) -> str:
    """Return the month so many months later, earlier for less than 0."""
    year, number = map(int, month.split("-"))
    found = year * 12 + number - 1 + months
    return f"{found // 12:04}-{found % 12 + 1:02}"
