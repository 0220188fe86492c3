"""What monitoring asks for: health and metrics."""

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import JSONResponse

from pantau_collector.web.portal import Portal

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/healthz")
    def healthz() -> JSONResponse:
        health = portal.health()
        headers = {"cache-control": "no-store"}
        return JSONResponse(health, 200 if health.get("status") == "ok" else 503, headers)

    @routes.get("/metrics")
    def metrics() -> Response:
        if portal.metrics is None:
            raise HTTPException(404, "this collector exports no metrics")
        return Response(portal.metrics(), media_type=METRICS_TYPE)

    return routes
