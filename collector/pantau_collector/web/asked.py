"""What an address asks for: an area, a month, checked once for pages, downloads and API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Path

from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.months.model import NATION
from pantau_collector.web.failures import PageError
from pantau_collector.web.verdicts import asking

if TYPE_CHECKING:
    from pantau_collector.months.model import AreaMonth, MonthReader
    from pantau_collector.web.portal import Portal

AREA_PATTERN = r"^(id|[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?)$"
AFTER_PATTERN = r"^([0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?)?$"
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
LargeAreaCode = Annotated[
    str,
    Path(
        pattern=r"^(id|[0-9]{2}(\.[0-9]{2}){0,2})$",
        description="Kemendagri code of a province, regency or district; `id` is the nation.",
        examples=["33.10"],
    ),
]
RegionCode = Annotated[
    str,
    Path(
        pattern=r"^(id|[0-9]{2}(\.[0-9]{2})?)$",
        description="Kemendagri code of a province or regency; `id` is the nation.",
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


NOTHING_KNOWN = _("Nothing is known of {code} in {month}. Choose another month.")


def area(code: str) -> str:
    """Return an area's own code; raises `PageError` 404 where there is none of that code."""
    found = asking.area_of(code)
    return found.code if found else NATION


def area_month(portal: Portal, reader: MonthReader, month: str, code: str) -> AreaMonth:
    """Return an area's month; raises `PageError` 404, saying which of the two is not known."""
    own = begun(portal, month, code)
    found = reader.area(month, own)
    if found is None:
        raise unknown(month, code)
    return found


def begun(portal: Portal, month: str, code: str) -> str:
    """Return an area's own code; raises `PageError` 404 where it, or the month there, is not (yet) there."""
    own = area(code)
    asking.month_of(portal, month, [], own)
    return own


def unknown(month: str, code: str) -> PageError:
    """Return the error for a month of which nothing is known there."""
    return PageError(404, Message(NOTHING_KNOWN, {"month": month, "code": code}))
