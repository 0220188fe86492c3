"""Months: verdicts of areas and villages, and what a village's verdict rests on."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from pantau_collector.exports import areas as exported
from pantau_collector.months.model import AreaMonth, MonthReader, VillageEvidence, VillageMonth
from pantau_collector.web import asked
from pantau_collector.web.api import bodies
from pantau_collector.web.api.answering import CHANGING, CLOSED_S, answered
from pantau_collector.web.api.describing import says
from pantau_collector.web.portal import Portal
from pantau_collector.web.verdicts import asking

MAX_VERDICTS, MAX_MONTHS = 1000, 60
Verdict = Literal["fail", "insufficient_data", "inconclusive", "pass"]


def router(portal: Portal) -> APIRouter:
    """Return the routes; none where nothing judges months."""
    routes = APIRouter(tags=["verdicts"])
    if portal.months is not None:
        _add(routes, portal, portal.months)
        _add_evidence(routes, portal, portal.months)
    return routes


def _add(routes: APIRouter, portal: Portal, reader: MonthReader) -> None:
    @routes.get("/months", **says(bodies.Months, missing=False))
    def months(request: Request) -> Response:
        """List the months of which there is anything."""
        return answered(request, bodies.Months(months=reader.months()))

    @routes.get("/areas/{code}/months", **says(bodies.AreaTrend))
    def trend(
        *,
        request: Request,
        code: asked.LargeAreaCode,
        limit: Annotated[int, Query(ge=1, le=MAX_MONTHS, description="How many months.")] = 12,
    ) -> Response:
        """Return an area's last months."""
        found = [_outer(one) for one in reader.trend(asked.area(code), limit) if isinstance(one, AreaMonth)]
        return answered(request, bodies.AreaTrend(code=code, months=found))

    @routes.get("/areas/{code}/months/{month}", **says(bodies.AreaVerdicts))
    def area(request: Request, code: asked.AreaCode, month: asked.MonthText) -> Response:
        """Return an area's month, and those of the areas directly inside."""
        own = asked.area_month(portal, reader, month, code)
        body = bodies.AreaVerdicts(area=_outer(own), children=reader.children(month, own.code))
        return answered(request, body, CHANGING if asking.is_open(portal, month) else CLOSED_S)

    @routes.get("/verdicts", **says(bodies.Verdicts))
    def verdicts(
        *,
        request: Request,
        month: Annotated[str, Query(pattern=asked.MONTH_PATTERN, examples=["2026-09"])],
        area: Annotated[str, Query(pattern=asked.AREA_PATTERN, examples=["33.10"])] = exported.NATION_CODE,
        verdict: Verdict | None = None,
        after: Annotated[
            str, Query(pattern=asked.AFTER_PATTERN, description="`next` of the page before.")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_VERDICTS, description="How many at most.")] = 100,
    ) -> Response:
        """List villages' verdicts in a month by code, all or those that got this one."""
        own = asked.area_month(portal, reader, month, area)
        found = list(itertools.islice(_lines(reader, own, after, verdict or ""), limit + 1))
        more = found[limit - 1].code if len(found) > limit else None
        body = bodies.Verdicts(area=area, month=month, verdicts=found[:limit], next=more)
        closed = all(line.revision for line in body.verdicts)
        return answered(request, body, CLOSED_S if closed else CHANGING)

    @routes.get("/villages/{code}/months", **says(bodies.VillageTrend))
    def village_trend(
        *,
        request: Request,
        code: asked.VillageCode,
        limit: Annotated[int, Query(ge=1, le=MAX_MONTHS, description="How many months.")] = 12,
    ) -> Response:
        """Return a village's last months."""
        found = [one for one in reader.trend(asked.area(code), limit) if isinstance(one, VillageMonth)]
        return answered(request, bodies.VillageTrend(code=code, months=found))


def _add_evidence(routes: APIRouter, portal: Portal, reader: MonthReader) -> None:
    def evidence(code: str, month: str) -> VillageEvidence:
        found = reader.evidence(month, asked.begun(portal, month, code))
        if found is None:
            raise asked.unknown(month, code)
        return found

    def said(request: Request, found: VillageEvidence, body: msgspec.Struct) -> Response:
        return answered(request, body, CLOSED_S if found.line.revision else CHANGING)

    @routes.get("/villages/{code}/months/{month}", **says(bodies.VillageVerdict))
    def verdict(request: Request, code: asked.VillageCode, month: asked.MonthText) -> Response:
        """Return a village's verdict: every metric with its numbers, objections, revisions."""
        found = evidence(code, month)
        body = bodies.VillageVerdict(
            line=found.line,
            report=found.report,
            maintenance=list(found.maintenance),
            objections=list(found.objections),
            revisions=list(found.revisions),
            registry_version=found.registry_version,
        )
        return said(request, found, body)

    @routes.get("/villages/{code}/months/{month}/outages", **says(bodies.Outages))
    def outages(request: Request, code: asked.VillageCode, month: asked.MonthText) -> Response:
        """Return the outages that touch a village's month."""
        found = evidence(code, month)
        return said(request, found, bodies.Outages(village=code, month=month, outages=found.outages))

    @routes.get("/villages/{code}/months/{month}/tests", **says(bodies.Tests))
    def tests(request: Request, code: asked.VillageCode, month: asked.MonthText) -> Response:
        """Return a village's speed tests of a month."""
        found = evidence(code, month)
        return said(request, found, bodies.Tests(village=code, month=month, tests=list(found.tests)))

    @routes.get("/villages/{code}/months/{month}/days", **says(bodies.Days))
    def days(request: Request, code: asked.VillageCode, month: asked.MonthText) -> Response:
        """Return the states of a village's minutes in a month."""
        found = evidence(code, month)
        return said(request, found, bodies.Days(village=code, month=month, days=list(found.days)))


def _lines(reader: MonthReader, area: AreaMonth, after: str, verdict: str) -> Iterator[VillageMonth]:
    """Yield the lines behind the village `after` that have the verdict, any where it is empty."""
    for part in exported.parts(reader, area.month, area.code, after, verdict):
        for line in reader.villages(area.month, part):
            if line.code > after and verdict in ("", line.verdict):
                yield line


def _outer(month: AreaMonth) -> AreaMonth:
    """Return an area's month under the code that stands in addresses."""
    return msgspec.structs.replace(month, code=exported.outer(month.code))
