"""What an address asks for: a month, an order, filters, a page. What cannot be shown is told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from pantau_collector.exports.areas import NATION_CODE
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.months.instants import closes_at_ns, month_in, month_ns, span_ns
from pantau_collector.months.model import NATION
from pantau_collector.registry import areas
from pantau_collector.web.failures import PageError

if TYPE_CHECKING:
    from pantau_collector.registry.areas import Area
    from pantau_collector.web.portal import Portal

LONGEST_PAGE = 200

NO_AREA = _("No area has the code '{code}'. Begin with the nation and choose from there.")
NO_VILLAGE = _("No village has the code '{code}'. Begin with the nation and choose from there.")
BAD_MONTH = _("'{value}' is not a month. Write year and month, such as 2026-08.")
FUTURE_MONTH = _("The month {month} has not begun: nothing was measured in it.")
NO_ORDER = _("Nothing can be sorted by '{value}'. Click on the head of a column instead.")
NO_PAGE = _("There is no page {page}; the last one is {last}.")


class TableQuestion(BaseModel):
    """How a table is asked for. `sort` is a column's key, with a minus in front for the largest first."""

    month: str | None = None
    sort: str = Field("", max_length=40)
    page: int = Field(1, ge=1, le=100_000)
    size: int = Field(50, ge=10, le=LONGEST_PAGE)
    name: str = Field("", max_length=100)
    verdict: Literal["", "fail", "insufficient_data", "inconclusive", "pass"] = ""
    provider: str = Field("", max_length=200)
    technology: Literal["", "fibre", "cable", "dsl", "4g", "5g", "wireless", "satellite", "other"] = ""

    @property
    def filtered(self) -> bool:
        """Whether it asks for less than everything."""
        return bool(self.name or self.verdict or self.provider or self.technology)


def area_of(code: str) -> Area | None:
    """Return the area of a code in an address, None for the nation; raises `PageError` where none has it."""
    if code in (NATION_CODE, NATION):
        return None
    found = areas.find(code)
    if found is None:
        raise PageError(404, Message(NO_AREA, {"code": code[:40]}))
    return found


def village_of(code: str) -> Area:
    """Return the village of a code in an address; raises `PageError` where none has it."""
    found = areas.village(code)
    if found is None:
        raise PageError(404, Message(NO_VILLAGE, {"code": code[:40]}))
    return found


def month_of(portal: Portal, asked: str | None, known: list[str], code: str = "") -> str | None:
    """Return the month to show: the one asked for, else what `usual` says; None where there is none.

    Raises `PageError` for what is no month, and for one that has not begun.
    """
    if not asked:
        return usual(portal, known, code)
    try:
        begins_ns = month_ns(asked, code)
    except ValueError:
        raise PageError(422, Message(BAD_MONTH, {"value": asked[:40]})) from None
    if begins_ns > portal.clock_ns():
        raise PageError(404, Message(FUTURE_MONTH, {"month": asked}))
    return asked


def usual(portal: Portal, known: list[str], code: str = "") -> str | None:
    """Return the newest month that is over, else the newest: one that still runs lacks the days to come."""
    over = (one for one in known if span_ns(month_in(one, code))[1] <= portal.clock_ns())
    return next(over, known[0] if known else None)


def is_open(portal: Portal, month: str) -> bool:
    """Tell whether a month's figures still change by themselves."""
    return portal.clock_ns() < closes_at_ns(month, NATION)
