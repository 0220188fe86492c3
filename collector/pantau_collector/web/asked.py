"""What an address asks for: an area, a month, checked once for pages, downloads and API."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import HTTPException, Path

from pantau_collector.exports import areas as exported
from pantau_collector.registry import areas
from pantau_collector.registry.timezones import WIT

if TYPE_CHECKING:
    from pantau_collector.months.model import AreaMonth, MonthReader

AREA_PATTERN = r"^(id|[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?)$"
VILLAGE_PATTERN = r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$"
MONTH_PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
AreaCode = Annotated[
    str,
    Path(
        pattern=AREA_PATTERN,
        description="Kemendagri code of a province, regency, district or village; `id` is the nation.",
        examples=["33.10"],
    ),
]
VillageCode = Annotated[
    str,
    Path(pattern=VILLAGE_PATTERN, description="Kemendagri code of a village.", examples=["33.10.26.2008"]),
]
MonthText = Annotated[
    str, Path(pattern=MONTH_PATTERN, description="A month of local time, `YYYY-MM`.", examples=["2026-09"])
]


def area(code: str) -> str:
    """Return an area's own code; raises `HTTPException` 404 where there is none of that code."""
    own = exported.inner(code)
    if own and areas.find(own) is None:
        raise HTTPException(404, f"no area has the code {code}: look for it in /api/v1/areas")
    return own


def area_month(reader: MonthReader, month: str, code: str, now_ns: int | None = None) -> AreaMonth:
    """Return an area's month; raises `HTTPException` 404, saying which of the two is not known."""
    own = area(code)
    begun(month, now_ns)
    found = reader.area(month, own)
    if found is None:
        raise HTTPException(404, f"nothing is known of {code} in {month}: /api/v1/months lists the months")
    return found


def begun(month: str, now_ns: int | None = None) -> None:
    """Raise `HTTPException` 404 for a month that has not begun anywhere in the country."""
    seconds = (time.time_ns() if now_ns is None else now_ns) // 1_000_000_000
    if month > datetime.fromtimestamp(seconds, UTC).astimezone(WIT.tzinfo).strftime("%Y-%m"):
        raise HTTPException(404, f"the month {month} has not begun")
