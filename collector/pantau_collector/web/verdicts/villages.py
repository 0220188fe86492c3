"""A village's page: its month, why the verdict is what it is, and everything that the verdict rests on."""

import functools
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from pantau_collector import formats
from pantau_collector.analysis.calendar import Month, parse_month
from pantau_collector.analysis.sla.reported import OutageReport
from pantau_collector.i18n import Language
from pantau_collector.i18n import marked as _
from pantau_collector.months import words
from pantau_collector.months.instants import closes_on
from pantau_collector.months.model import VillageEvidence
from pantau_collector.registry.areas import Area
from pantau_collector.registry.timezones import zone_of
from pantau_collector.web import charts, render
from pantau_collector.web.places import STATUSES, Place, place_of
from pantau_collector.web.portal import Portal
from pantau_collector.web.verdicts import asking, daily, speed, strip, trend
from pantau_collector.web.verdicts.tables import VILLAGE_COLUMNS
from pantau_collector.web.verdicts.writing import DONE, Done
from pantau_wire.vocabulary import Unit

_REFRESH_MS = 30_000
# In the order of the legend: what was seen, what was not, what is left out.
LEGEND = tuple(words.STATES)
ACCOUNTS = {
    "link_down": _("counts against the provider where the outage is long"),
    "local_fault": _("in doubt: down for the lower bound, up for the upper"),
    "power_off": _("does not count"),
    "agent_down": _("in doubt: down for the lower bound, up for the upper"),
    "off_site": _("does not count"),
    "unknown": _("in doubt: down for the lower bound, up for the upper"),
    "maintenance": _("left out"),
}
"""What minutes of each state do to the availability (docs/sla.md)."""
FIXED: dict[str, Any] = {
    "statuses": STATUSES,
    "accounts": ACCOUNTS,
    "dot_words": speed.KINDS,
    "reasons": words.WHY_NOT,
    "trend_titles": tuple(column.title for column in VILLAGE_COLUMNS if column.key in trend.TABLE_KEYS),
    "plot_frame": charts,
    "plot_height": speed.HEIGHT,
    "strip_frame": strip,
    "trend_frame": trend,
    "refresh_ms": _REFRESH_MS,
}
"""What the template needs whatever the month."""


def router(portal: Portal) -> APIRouter:
    """Return the routes. They are plain functions, so that the store is read in a thread."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/villages/{code}")
    def village(
        request: Request, code: str, month: Annotated[str | None, Query()] = None, done: Done | None = None
    ) -> Response:
        area = asking.village_of(code)
        known = portal.months.months() if portal.months else []
        shown = asking.month_of(portal, month, known, area.code)
        language = render.language_of(request)
        return render.page(
            request,
            "village.html",
            area=area,
            zone=zone_of(area.code),
            month=shown,
            months=known if shown in (None, *known) else [shown, *known],
            places=_places(portal, area),
            now_ns=portal.clock_ns(),
            done=DONE[done] if done else None,
            **FIXED,
            **(_month(portal, area, shown, language) if shown else {"found": None}),
        )

    return routes


def _places(portal: Portal, area: Area) -> list[Place]:
    """Return the devices that stand in the village now, with what they do."""
    placements = portal.registry.get().devices_of(area.code, portal.clock_ns())
    found = (place_of(portal, placement.device) for placement in placements)
    return [place for place in found if place is not None]


def _month(portal: Portal, area: Area, month: str, language: Language) -> dict[str, Any]:
    assert portal.months is not None
    found = portal.months.evidence(month, area.code)
    if found is None:
        return {"found": None}
    calendar_month = parse_month(month, zone_of(area.code))
    return {
        "found": found,
        "why": words.explain(found.report, language),
        "open_until": closes_on(month) if found.line.revision is None else None,
        "trend": trend.bars(portal.months.trend(area.code), language),
        "strip": strip.build(found.days, LEGEND),
        **_outages(found),
        "causes": strip.causes(found.days, LEGEND),
        "delays": daily.plot(portal.store, area.code, calendar_month, language),
        **_speed(found, calendar_month, language),
    }


def _outages(found: VillageEvidence) -> dict[str, list[tuple[int, int, OutageReport]]]:
    rows = [(_ns(one.from_at), _ns(one.to_at), one) for one in found.outages]
    return {
        "long": [row for row in rows if row[2].long],
        "short": [row for row in rows if not row[2].long],
    }


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * formats.SECOND_NS


def _speed(found: VillageEvidence, month: Month, language: Language) -> dict[str, Any]:
    profile = found.report.profiles[0]
    plots = [speed.plot(one, found.tests, month, profile, language) for one in speed.DIRECTIONS]
    return {
        "plots": plots if found.tests else [],
        "tests": sorted(found.tests, key=lambda test: -test.time_ns),
        "bps": functools.partial(_bps, language=language),
    }


def _bps(value: float | None, language: Language) -> str:
    return "\N{EN DASH}" if value is None else formats.quantity(value, Unit.BITS_PER_SECOND, language)
