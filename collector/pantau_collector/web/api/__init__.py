"""`/api/v1`: what other systems read, described by itself at `/api/v1/openapi.json`."""

from fastapi import APIRouter, Depends

from pantau_collector.web.api import answering, areas, devices, maintenance, objections, states, verdicts
from pantau_collector.web.portal import Portal


def router(portal: Portal) -> APIRouter:
    """Return the routes. They are plain functions, so that what they read is read in a thread."""
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(answering.known_parameters)])
    for part in (areas, verdicts, maintenance, objections, states, devices):
        routes.include_router(part.router(portal))
    return routes
