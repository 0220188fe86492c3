"""Areas: found by name or by the area around them, and the villages that are measured."""

import itertools
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from pantau_collector.exports import areas as exported
from pantau_collector.registry import areas
from pantau_collector.registry.model import Placement
from pantau_collector.registry.timezones import zone_of
from pantau_collector.web import asked
from pantau_collector.web.api import bodies
from pantau_collector.web.api.answering import FIXED_S, answered
from pantau_collector.web.api.describing import says
from pantau_collector.web.portal import Portal

MAX_AREAS = 1000
Limit = Annotated[int, Query(ge=1, le=MAX_AREAS, description="How many at most.")]
After = Annotated[str, Query(pattern=asked.AFTER_PATTERN, description="`next` of the page before.")]
_EVERYTHING = 1_000_000


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["areas"])

    @routes.get("/areas", **says(bodies.Areas))
    def found(
        *,
        request: Request,
        search: Annotated[
            str, Query(max_length=100, description="Words of the name.", examples=["Klaten"])
        ] = "",
        parent: Annotated[
            str, Query(pattern=asked.AREA_PATTERN, description="The area around them.", examples=["33"])
        ] = exported.NATION_CODE,
        level: Literal["province", "regency", "district", "village"] | None = None,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """Find areas by name, best first; without `search`, list those directly inside `parent` by code."""
        within = asked.area(parent)
        if search.strip():
            known = areas.search(search, level=level, within=within, limit=_EVERYTHING)
        else:
            inside = areas.children(within) if within else areas.provinces()
            known = [area for area in inside if level in (None, area.level)]
        page, more = _page(known, after, limit)
        body = bodies.Areas(areas=[_area(one) for one in page], next=more)
        return answered(request, body, FIXED_S)

    @routes.get("/areas/{code}", **says(bodies.Area))
    def one(request: Request, code: asked.AreaCode) -> Response:
        """Return an area and those around it."""
        area = areas.find(asked.area(code))
        nation = bodies.Area(code=exported.NATION_CODE, name=exported.NATION_NAME, level="nation", parents=[])
        return answered(request, _area(area) if area else nation, FIXED_S)

    @routes.get("/villages", **says(bodies.Villages))
    def villages(
        *,
        request: Request,
        area: Annotated[
            str, Query(pattern=asked.AREA_PATTERN, description="Where they lie.", examples=["33.10"])
        ] = exported.NATION_CODE,
        after: After = "",
        limit: Limit = 100,
    ) -> Response:
        """List the villages that have a device now, by code."""
        within = asked.area(area)
        registry, now_ns = portal.registry.get(), portal.clock_ns()
        codes = (code for code in registry.all_villages if code.startswith(within) and code > after)
        measured = (code for code in codes if registry.devices_of(code, now_ns))
        known = [areas.find(code) or areas.Area(code, code) for code in itertools.islice(measured, limit + 1)]
        more = known[limit - 1].code if len(known) > limit else None
        return answered(request, bodies.Villages(villages=[_area(one) for one in known[:limit]], next=more))

    @routes.get("/villages/{code}", **says(bodies.Village))
    def village(request: Request, code: asked.VillageCode) -> Response:
        """Return a village, and the devices that are expected to measure there now."""
        area = _area(areas.Area(asked.area(code), exported.name(code)))
        placements = portal.registry.get().devices_of(code, portal.clock_ns())
        body = bodies.Village(
            code=area.code,
            name=area.name,
            level=area.level,
            parents=area.parents,
            timezone=zone_of(code).iana,
            devices=[_placement(one) for one in placements],
        )
        return answered(request, body)

    return routes


def _page(known: list[areas.Area], after: str, limit: int) -> tuple[list[areas.Area], str | None]:
    """Return what follows the area `after` in a list whose order never changes, and the next page's mark."""
    start = 0
    if after:
        codes = [area.code for area in known]
        if after not in codes:
            raise HTTPException(404, f"after: {after} is not on this list: give `next` of the page before")
        start = codes.index(after) + 1
    page = known[start : start + limit]
    return page, page[-1].code if page and start + limit < len(known) else None


def _area(area: areas.Area) -> bodies.Area:
    parents = [bodies.AreaName(code=one.code, name=one.name) for one in area.parents]
    return bodies.Area(code=area.code, name=area.name, level=area.level, parents=parents)


def _placement(one: Placement) -> bodies.Placement:
    return bodies.Placement(
        device=one.device,
        since_ns=one.since_ns,
        provider=one.provider,
        technology=one.technology,
        profile=one.profile,
        traffic_source=one.traffic_source,
    )
