"""The pages for people: the first one, all devices, and one device."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from pantau_collector.exports.areas import NATION_CODE
from pantau_collector.formats import SECOND_NS
from pantau_collector.i18n import Language
from pantau_collector.web import charts, navigation, readings, render
from pantau_collector.web.charts import CHARTS, Plot, Window
from pantau_collector.web.places import STATUSES, Place, all_places, place_of
from pantau_collector.web.portal import Portal
from pantau_collector.web.verdicts import areas
from pantau_collector.web.verdicts.asking import TableQuestion

PER_PAGE = 50
OVERVIEW_REFRESH_MS = 3000
_HOUR_NS = 3600 * SECOND_NS
# Hours shown: how often the page asks again, and the step in which its window moves on.
RANGES: dict[int, tuple[int, int]] = {1: (2000, 5), 6: (3000, 30), 24: (15_000, 120), 168: (60_000, 840)}
_SHORTEST_NS = 120 * SECOND_NS
_LOOK_BACK = 50


def router(portal: Portal) -> APIRouter:
    """Return the routes. They are plain functions, so that the store is read in a thread."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def first(request: Request, question: Annotated[TableQuestion, Query()]) -> Response:
        if areas.is_judged(portal):
            return areas.shown(portal, request, NATION_CODE, question)
        return render.page(
            request, "overview.html", **_overview(portal, question.page, render.language_of(request))
        )

    @routes.get("/devices")
    def overview(request: Request, page: Annotated[int, Query(ge=1, le=100_000)] = 1) -> Response:
        return render.page(request, "overview.html", **_overview(portal, page, render.language_of(request)))

    @routes.get("/devices/{device}")
    def device(request: Request, device: str, hours: int | None = None) -> Response:
        place = place_of(portal, device)
        if place is None:
            raise HTTPException(404)
        values = _device(portal, place, hours, render.language_of(request))
        return render.page(request, "device.html", **values)

    return routes


def _overview(portal: Portal, page: int, language: Language) -> dict[str, Any]:
    places = all_places(portal)
    pages = max(1, -(-len(places) // PER_PAGE))
    if page > pages:
        raise HTTPException(404)
    shown = places[(page - 1) * PER_PAGE : page * PER_PAGE]
    counts = {status: sum(place.status == status for place in places) for status in STATUSES}
    return {
        "this_part": navigation.part_of("/devices"),  # on the first page too
        "rows": [
            (place, readings.headlines(portal.store, place.device, language) if place.activity else {})
            for place in shown
        ],
        "counts": counts,
        "statuses": STATUSES,
        "village_count": len({place.names[0].code for place in places if place.names}),
        "device_count": len(places),
        "waiting_only": bool(places) and not any(place.activity for place in places),
        "page": page,
        "pages": pages,
        "now_ns": portal.clock_ns(),
        "refresh_ms": OVERVIEW_REFRESH_MS,
    }


def _device(portal: Portal, place: Place, hours: int | None, language: Language) -> dict[str, Any]:
    shown = hours if hours in RANGES else _range_for(portal, place)
    window = _window(portal, place, shown, language)
    store, name = portal.store, place.device
    return {
        "place": place,
        "statuses": STATUSES,
        "figures": readings.headlines(store, name, language, _LOOK_BACK) if place.activity else {},
        "traffic_source": readings.is_traffic_source(place),
        "plots": _plots(portal, place, window) if place.activity else [],
        "tables": readings.tables(store, name, language) if place.activity else [],
        "states": [(kind, readings.newest_state(store, name, kind, language)) for kind in ("link", "device")],
        "hours": shown,
        "ranges": list(RANGES),
        "now_ns": portal.clock_ns(),
        "refresh_ms": RANGES[shown][0],
        "frame": charts,
    }


def _range_for(portal: Portal, place: Place) -> int:
    """Return the shortest range that holds what there is, a day at most."""
    if place.activity is None:
        return 1
    age_ns = portal.clock_ns() - place.activity.first_time_ns
    return next((hours for hours in (1, 6) if age_ns <= hours * _HOUR_NS), 24)


def _window(portal: Portal, place: Place, hours: int, language: Language) -> Window:
    """Return the range up to now, moved on in steps, so that a page without news stays the same.

    A device that is younger than the range begins at its left edge.
    """
    step_ns = RANGES[hours][1] * SECOND_NS
    until_ns = (portal.clock_ns() // step_ns + 1) * step_ns
    since_ns = until_ns - hours * _HOUR_NS
    if place.activity is not None and place.activity.first_time_ns > since_ns:
        born_ns = (place.activity.first_time_ns // step_ns - 1) * step_ns
        since_ns = max(since_ns, min(born_ns, until_ns - _SHORTEST_NS))
    return Window(since_ns, until_ns, place.zone, language)


def _plots(portal: Portal, place: Place, window: Window) -> list[Plot]:
    found = []
    for chart in CHARTS:
        points = portal.store.points(
            chart.kind, place.device, since_ns=max(0, window.since_ns), until_ns=window.until_ns
        )
        found += [charts.build(chart, key, some, window) for key, some in charts.groups(chart, points)]
    return found
