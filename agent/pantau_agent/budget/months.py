"""Calendar months of the village's clock, as "2026-11": texts that sort as the months do. Pure."""

from __future__ import annotations

import calendar
import datetime as dt

from pantau_agent.schedules import local_time

UNDATED = ""
"""Before any month: bytes of a device whose clock nobody has vouched for yet."""


def month_of(utc_s: float, zone: dt.tzinfo | None) -> str:
    """Return the month in the zone (None: the machine's)."""
    return local_time(utc_s, zone).strftime("%Y-%m")


def month_before(month: str) -> str:
    """Return the month before; what is undated has none and is its own."""
    if month == UNDATED:
        return UNDATED
    first = dt.date.fromisoformat(f"{month}-01")
    return (first - dt.timedelta(days=1)).strftime("%Y-%m")


def reached_on(limit_bytes: float, used_bytes: int, local: dt.datetime) -> dt.date | None:
    """Return the day on which the month's use reaches a limit if it goes on as it did so far.

    None where that is not in this month, or there is less than a day to judge by.
    """
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    elapsed_days = (local - first) / dt.timedelta(days=1)
    if elapsed_days < 1 or used_bytes <= 0:
        return None
    day = elapsed_days * limit_bytes / used_bytes
    _, days = calendar.monthrange(local.year, local.month)
    return (first + dt.timedelta(days=day)).date() if day < days else None
