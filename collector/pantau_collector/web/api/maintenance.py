"""Announced maintenance: listed, announced by the rules of docs/sla.md, withdrawn before it begins."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query, Request, Response

from pantau_collector.exports.areas import NATION_CODE
from pantau_collector.months import maintenance
from pantau_collector.months.instants import MINUTE_NS
from pantau_collector.months.model import Maintenance
from pantau_collector.web import announcing, asked
from pantau_collector.web.api import bodies, receiving
from pantau_collector.web.api.answering import answered, created
from pantau_collector.web.api.describing import says
from pantau_collector.web.api.devices import Time
from pantau_collector.web.portal import Portal

_log = structlog.get_logger()
MAX_LISTED = 1000
_STATUSES = {maintenance.NO_AREA: 404, maintenance.UNKNOWN: 404, maintenance.BEGUN: 409}
_ANNOUNCED = {
    "area": "33.10",
    "from_ns": 1_796_151_600_000_000_000,
    "minutes": 120,
    "by": "PT Contoh Serat",
    "what": "Penggantian kabel utama Klaten",
}


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["verdicts"])

    @routes.get("/maintenance", **says(bodies.MaintenanceList))
    def listed(
        *,
        request: Request,
        area: Annotated[
            str, Query(pattern=asked.AREA_PATTERN, description="Whom it touches.", examples=["33.10"])
        ] = NATION_CODE,
        since_ns: Time = 0,
        until_ns: Time | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED, description="How many at most.")] = 100,
    ) -> Response:
        """List what is announced for an area, areas in it and around it, of a time."""
        own = asked.area(area)
        known = [one for one in maintenance.standing(portal.store) if _touches(one, own)]
        found = [
            one for one in known if one.to_ns > since_ns and (until_ns is None or one.from_ns < until_ns)
        ]
        body = bodies.MaintenanceList(maintenance=found[:limit], truncated=len(found) > limit)
        return answered(request, body)

    @routes.post(
        "/maintenance",
        **says(bodies.Announced, status=201),
        openapi_extra=receiving.takes(bodies.NewMaintenance, _ANNOUNCED),
    )
    async def announce(request: Request) -> Response:
        """Announce maintenance, and learn whether it counts. Scope admin, by a token."""
        new = await receiving.read(request, bodies.NewMaintenance)
        wanted = Maintenance(
            area=new.area,
            from_ns=new.from_ns,
            to_ns=new.from_ns + new.minutes * MINUTE_NS,
            announced_ns=portal.clock_ns(),
            by=new.by,
            what=new.what,
        )
        found = await receiving.done(lambda: announcing.announce(portal, wanted), _STATUSES)
        _tell(request, "maintenance.announced", found.maintenance)
        body = bodies.Announced(maintenance=found.maintenance, shortfall=found.shortfall)
        return created(body, f"/api/v1/maintenance?area={new.area}&since_ns={new.from_ns}")

    @routes.post(
        "/maintenance/{number}/withdraw",
        **says(Maintenance, status=201),
        openapi_extra=receiving.takes(bodies.Withdrawal, {"by": "PT Contoh Serat"}),
    )
    async def withdraw(
        request: Request, number: Annotated[str, Path(max_length=100, examples=["M0123456789"])]
    ) -> Response:
        """Withdraw maintenance that has not begun. Scope admin, by a token."""
        by = (await receiving.read(request, bodies.Withdrawal)).by
        now_ns = portal.clock_ns()
        found = await receiving.done(
            lambda: maintenance.withdraw(portal.store, number, by=by, now_ns=now_ns), _STATUSES
        )
        _tell(request, "maintenance.withdrawn", found)
        return created(found, f"/api/v1/maintenance?area={found.area}")

    return routes


def _touches(one: Maintenance, area: str) -> bool:
    return one.area.startswith(area) or area.startswith(one.area)


def _tell(request: Request, event: str, found: Maintenance) -> None:
    _log.info(event, number=found.number, area=found.area, token=request.scope["viewer"].name)
