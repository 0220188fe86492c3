"""The pages of traffic surges: those of now by area, and a village's traffic against what is usual."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from pantau_collector.i18n import Language, Message
from pantau_collector.i18n import marked as _
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.registry import areas
from pantau_collector.registry.areas import Area
from pantau_collector.registry.codes import REGENCY_LENGTH, area_tags
from pantau_collector.registry.timezones import zone_of
from pantau_collector.surges import reading, words
from pantau_collector.surges.model import Felt, Surge, impacts
from pantau_collector.surges.reading import BIN_NS
from pantau_collector.web import charts, render, surge_plots
from pantau_collector.web.charts import Window
from pantau_collector.web.failures import PageError
from pantau_collector.web.portal import Portal
from pantau_collector.web.sharing import Shared
from pantau_collector.web.verdicts import asking

RANGES = (24, 72, 168)
"""Hours that a village's plot shows."""
MOST = 100
_REFRESH_MS = 30_000
_HOUR_NS = 3600 * 10**9
_LIFE_NS = 30 * 10**9
_NO_AREA = _("No area has the code '{code}'. Choose one from the list.")


def router(portal: Portal) -> APIRouter:
    """Return the routes. They are plain functions, so that the store is read in a thread."""
    routes = APIRouter(include_in_schema=False)
    newest = Shared(lambda: reading.newest(portal.store, portal.clock_ns()), _LIFE_NS, portal.clock_ns)

    @routes.get("/surges")
    def surges(request: Request, area: Annotated[str, Query(max_length=40)] = "") -> Response:
        language = render.language_of(request)
        return render.page(request, "surges.html", **_now(portal, newest.get(), area, language))

    @routes.get("/surges/{code}")
    def surge(request: Request, code: str, hours: int = RANGES[0]) -> Response:
        area, language = asking.village_of(code), render.language_of(request)
        shown = hours if hours in RANGES else RANGES[0]
        return render.page(request, "surge.html", **_village(portal, area, shown, language))

    return routes


def _now(portal: Portal, found: list[Surge], code: str, language: Language) -> dict[str, Any]:
    if code and areas.find(code) is None:
        raise PageError(404, Message(_NO_AREA, {"code": code}))
    here = [one for one in found if one.village.startswith(code)]
    ongoing = reading.ongoing(here)
    shown = ongoing[:MOST]
    villages = sorted({one.village for one in shown})
    felt = _felt(portal, villages, portal.clock_ns())
    regional = _regional(here)
    return {
        "area": areas.find(code) if code else None,
        "choices": _choices(portal),
        "surges": [_told(one, felt[one.village], language) for one in shown],
        "regional": [(one, words.explain_regional(one, language)) for one in regional],
        "ongoing_count": len({one.village for one in ongoing}),
        "more_count": len(ongoing) - len(shown),
        "judged_count": len({one.village for one in here if one.state != "learning"}),
        "learning_count": len({one.village for one in here if one.state == "learning"}),
        "directions": words.DIRECTIONS,
        "state_words": words.STATES,
        "refresh_ms": _REFRESH_MS,
        "now_ns": portal.clock_ns(),
    }


def _felt(portal: Portal, villages: list[str], until_ns: int) -> dict[str, Felt]:
    book = portal.profiles.get() if portal.profiles else ProfileBook()
    profile_of = reading.profile_of(portal.registry.get(), book, until_ns)
    return reading.felt(portal.store, villages, until_ns, profile_of)


def _told(one: Surge, felt: Felt, language: Language) -> dict[str, Any]:
    area = areas.village(one.village) or Area(one.village, one.village)
    return {
        "surge": one,
        "area": area,
        "zone": zone_of(one.village),
        "felt": bool(impacts(one, felt)),
        "explanation": words.explain(one, felt, language),
    }


def _regional(found: list[Surge]) -> list[Surge]:
    """Return a surge for each regency and direction whose villages together are far above their usual."""
    by_place = {
        (one.village[:REGENCY_LENGTH], one.direction): replace(
            one, village=one.village[:REGENCY_LENGTH], since_s=None
        )
        for one in found
        if one.of_the_regency
    }
    return [by_place[place] for place in sorted(by_place)]


def _choices(portal: Portal) -> list[Area]:
    """Return the provinces and regencies that have villages, each regency after its province."""
    villages = portal.registry.get().villages(portal.clock_ns())
    codes = {code for village in villages for code in area_tags(village)[2:]}
    return [area for code in sorted(codes) if (area := areas.find(code)) is not None]


def _village(portal: Portal, area: Area, hours: int, language: Language) -> dict[str, Any]:
    until_ns = (portal.clock_ns() // BIN_NS + 1) * BIN_NS
    window = Window(until_ns - hours * _HOUR_NS, until_ns, zone_of(area.code), language)
    past = reading.past(portal.store, area.code, max(0, window.since_ns), until_ns)
    felt = _felt(portal, [area.code], until_ns)[area.code]
    return {
        "area": area,
        "zone": window.zone,
        "plots": [surge_plots.build(way, rows, window) for way, rows in past.items() if rows],
        "newest": [rows[-1] for rows in past.values() if rows],
        "explained": {
            rows[-1].direction: words.explain(rows[-1], felt, language)
            for rows in past.values()
            if rows and rows[-1].since_s is not None
        },
        "episodes": sorted(
            (one for rows in past.values() for one in _episodes(rows)), key=lambda pair: -pair[0].time_ns
        ),
        "directions": words.DIRECTIONS,
        "state_words": words.STATES,
        "frame": charts,
        "plot_height": surge_plots.HEIGHT,
        "hours": hours,
        "ranges": RANGES,
        "refresh_ms": _REFRESH_MS,
        "now_ns": portal.clock_ns(),
    }


def _episodes(rows: list[Surge]) -> list[tuple[Surge, Surge]]:
    """Return each surge of some rows: its strongest moment, and its last."""
    by_start: dict[float, list[Surge]] = {}
    for one in rows:
        if one.since_s is not None:
            by_start.setdefault(one.since_s, []).append(one)
    return [(max(some, key=lambda one: one.ratio or 0), some[-1]) for some in by_start.values()]
