"""Objections to a village's month: listed, filed and answered."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query, Request, Response

from pantau_collector.months import objections
from pantau_collector.months.model import Objection
from pantau_collector.web import asked
from pantau_collector.web.api import bodies, receiving
from pantau_collector.web.api.answering import answered, created
from pantau_collector.web.api.describing import says
from pantau_collector.web.portal import Portal

_log = structlog.get_logger()
_STATUSES = {objections.NO_VILLAGE: 404, objections.UNKNOWN: 404, objections.ANSWERED_ALREADY: 409}
_FILED = {
    "village": "33.10.26.2008",
    "month": "2026-09",
    "by": "PT Contoh Serat",
    "text": "Kabel diputus oleh pekerjaan jalan pada 3 September.",
}
_ANSWER = {"by": "Dinas Kominfo Klaten", "text": "Diterima; pemeliharaan diumumkan terlambat."}


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["verdicts"])

    @routes.get("/objections", **says(bodies.Objections))
    def listed(
        request: Request,
        village: Annotated[
            str | None, Query(pattern=asked.VILLAGE_PATTERN, examples=["33.10.26.2008"])
        ] = None,
        month: Annotated[str | None, Query(pattern=asked.MONTH_PATTERN, examples=["2026-09"])] = None,
    ) -> Response:
        """List objections, those of a village or a month, or all."""
        if village is not None:
            asked.area(village)
        found = objections.listed(portal.store, village, month)
        return answered(request, bodies.Objections(objections=found))

    @routes.post(
        "/objections",
        **says(Objection, status=201),
        openapi_extra=receiving.takes(bodies.NewObjection, _FILED),
    )
    async def file(request: Request) -> Response:
        """File an objection to a village's month. Scope admin, by a token."""
        new = await receiving.read(request, bodies.NewObjection)
        asked.begun(portal, new.month, new.village)

        def work() -> Objection:
            now_ns = portal.clock_ns()
            return objections.file(
                portal.store, new.village, new.month, by=new.by, text=new.text, now_ns=now_ns
            )

        found = await receiving.done(work, _STATUSES)
        _tell(request, "objection.filed", found)
        return created(found, f"/api/v1/objections?village={found.village}&month={found.month}")

    @routes.post(
        "/objections/{number}/answer",
        **says(Objection, status=201),
        openapi_extra=receiving.takes(bodies.NewAnswer, _ANSWER),
    )
    async def answer(
        request: Request, number: Annotated[str, Path(max_length=100, examples=["K0123456789"])]
    ) -> Response:
        """Answer an objection, once. Scope admin, by a token."""
        new = await receiving.read(request, bodies.NewAnswer)

        def work() -> Objection:
            now_ns = portal.clock_ns()
            return objections.answer(portal.store, number, by=new.by, text=new.text, now_ns=now_ns)

        found = await receiving.done(work, _STATUSES)
        _tell(request, "objection.answered", found)
        return created(found, f"/api/v1/objections?village={found.village}&month={found.month}")

    return routes


def _tell(request: Request, event: str, found: Objection) -> None:
    token = request.scope["viewer"].name
    _log.info(event, number=found.number, village=found.village, month=found.month, token=token)
