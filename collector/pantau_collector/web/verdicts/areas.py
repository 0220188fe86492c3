"""The pages of areas: the nation, a province, a regency, a district."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import URL

from pantau_collector.exports.areas import NATION_CODE
from pantau_collector.months.instants import closes_on
from pantau_collector.months.model import NATION, VillageMonth
from pantau_collector.registry import areas
from pantau_collector.registry.areas import Area
from pantau_collector.registry.codes import DISTRICT_LENGTH
from pantau_collector.web import navigation, render
from pantau_collector.web.portal import Portal
from pantau_collector.web.verdicts import asking, tables, tiles, trend
from pantau_collector.web.verdicts.asking import TableQuestion
from pantau_collector.web.verdicts.tables import AreaRow, VillageRow

_WITH_VILLAGES = ("regency", "district")
_BAR_WIDTH = 1000


def router(portal: Portal) -> APIRouter:
    """Return the routes. They are plain functions, so that the store is read in a thread."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/areas/{code}")
    def area(request: Request, code: str, question: Annotated[TableQuestion, Query()]) -> Response:
        return shown(portal, request, code, question)

    return routes


def shown(portal: Portal, request: Request, code: str, question: TableQuestion) -> Response:
    """Return an area's page; raises `PageError` for what cannot be shown."""
    area = asking.area_of(code)
    if area is not None and area.level == "village":
        return RedirectResponse(str(URL(f"/villages/{area.code}").replace(query=request.url.query)), 303)
    known = portal.months.months() if portal.months else []
    month = asking.month_of(portal, question.month, known, area.code if area else NATION)
    values = _area(portal, request, area, month, question) if month else {}
    return render.page(request, "area.html", **_head(portal, area, month, known), **values)


def _head(portal: Portal, area: Area | None, month: str | None, known: list[str]) -> dict[str, Any]:
    return {
        "this_part": navigation.part_of("/areas"),  # on the first page too
        "area": area,
        "address": area.code if area else NATION_CODE,
        "month": month,
        "months": known if month in (None, *known) else [month, *known],
        "open_until": closes_on(month) if month and asking.is_open(portal, month) else None,
    }


def _area(
    portal: Portal, request: Request, area: Area | None, month: str, question: TableQuestion
) -> dict[str, Any]:
    assert portal.months is not None
    code = area.code if area else NATION
    found = portal.months.area(month, code)
    if found is None:
        return {"found": None}
    language = render.language_of(request)
    values = _villages(portal, code, month, question) if area and area.level in _WITH_VILLAGES else None
    return {
        "found": found,
        "shares": trend.parts(found.counts, _BAR_WIDTH),
        "trend": trend.bars(portal.months.trend(code), language),
        "trend_frame": trend,
        "question": question,
        **(values or _children(portal, code, month, question)),
    }


def _children(portal: Portal, code: str, month: str, question: TableQuestion) -> dict[str, Any]:
    assert portal.months is not None
    rows = [
        AreaRow(area, one)
        for one in portal.months.children(month, code)
        if (area := areas.find(one.code)) is not None
    ]
    wanted = tables.areas_wanted(rows, question)
    columns = tables.AREA_COLUMNS
    return {
        "kind": "areas",
        "columns": columns,
        "page": tables.page(wanted, columns, question, "name"),
        "all_count": len(rows),
    }


def _villages(portal: Portal, code: str, month: str, question: TableQuestion) -> dict[str, Any]:
    assert portal.months is not None
    rows = _village_rows(portal, portal.months.villages(month, code))
    columns = tables.VILLAGE_COLUMNS
    return {
        "kind": "villages",
        "columns": columns,
        "page": tables.page(tables.villages_wanted(rows, question), columns, question, "verdict"),
        "all_count": len(rows),
        "providers": sorted({row.line.provider for row in rows if row.line.provider}),
        "technologies": sorted({row.technology for row in rows if row.technology}),
        "map": tiles.by_place(rows),
        "districts": tiles.by_district(rows),
        "unplaced": tiles.by_district([row for row in rows if row.point is None]),
        "tile_frame": tiles,
    }


def _village_rows(portal: Portal, lines: list[VillageMonth]) -> list[VillageRow]:
    """Return the lines with what the registry says of each village now."""
    registry, now = portal.registry.get(), portal.clock_ns()
    districts: dict[str, Area | None] = {}
    rows = []
    for line in lines:
        area = areas.village(line.code) or Area(line.code, line.code)
        district = line.code[:DISTRICT_LENGTH]
        if district not in districts:
            districts[district] = areas.district(district)
        placements = registry.devices_of(line.code, now)
        technology = next((one.technology for one in placements if one.technology), "")
        point = next((one.point for one in placements if one.point), None)
        rows.append(VillageRow(area, districts[district], line, technology, point))
    return rows


def is_judged(portal: Portal) -> bool:
    """Tell whether the month that is shown first has any verdict but that data is missing."""
    known = portal.months.months() if portal.months else []
    month = asking.usual(portal, known)
    found = portal.months.area(month, NATION) if portal.months and month else None
    return found is not None and found.counts.villages > found.counts.insufficient_data
