"""Devices and what they measured: points as the store has them, bounded by time and number."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from pantau_collector.storage.base import Point
from pantau_collector.web.api import bodies
from pantau_collector.web.api.answering import answered
from pantau_collector.web.api.describing import says
from pantau_collector.web.places import Place, all_places, place_of
from pantau_collector.web.portal import Portal
from pantau_wire import ranges
from pantau_wire.fields import KINDS
from pantau_wire.vocabulary import INT64_MAX

MAX_POINTS = 10_000
MAX_DEVICES = 1000
Time = Annotated[int, Query(ge=0, le=INT64_MAX, description="ns since 1970, UTC.")]
DeviceId = Annotated[str, Path(description="A device's id.", examples=["klaten-1"])]
_KINDS = ", ".join(KINDS)


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["measurements"])

    @routes.get("/devices", **says(bodies.Devices, missing=False))
    def devices(
        *,
        request: Request,
        after: Annotated[str, Query(max_length=100, description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_DEVICES, description="How many at most.")] = MAX_DEVICES,
    ) -> Response:
        """List devices by id, with their place and counts."""
        found = sorted(all_places(portal), key=lambda place: place.device)
        rest = [place for place in found if place.device > after]
        more = rest[limit - 1].device if len(rest) > limit else None
        page = [bodies.DeviceSummary(**_summary(place)) for place in rest[:limit]]
        return answered(request, bodies.Devices(devices=page, next=more))

    @routes.get("/devices/{device}", **says(bodies.Device))
    def one(request: Request, device: DeviceId) -> Response:
        """Return a device's place, counts, what became of its sequence numbers, and its newest points."""
        place = known(portal, device)
        body = bodies.Device(**_summary(place), spools=_spools(portal, device), latest=newest(portal, device))
        return answered(request, body)

    @routes.get("/devices/{device}/points/{kind}", **says(bodies.Points))
    def points(
        *,
        request: Request,
        device: DeviceId,
        kind: Annotated[str, Path(description=f"One of {_KINDS}.", examples=["speed"])],
        since_ns: Time = 0,
        until_ns: Time | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_POINTS, description="How many at most.")] = 1000,
    ) -> Response:
        """Return the newest `limit` points with since <= time < until, oldest first.

        `truncated` says that there are older ones: ask again with `until_ns` at the oldest time given.
        """
        known(portal, device)
        if kind not in KINDS:
            raise HTTPException(404, f"unknown kind: the kinds are {_KINDS}")
        found = portal.store.points(kind, device, since_ns=since_ns, until_ns=until_ns, newest=limit + 1)
        body = bodies.Points(device=device, kind=kind, truncated=len(found) > limit, points=found[-limit:])
        return answered(request, body)

    return routes


def known(portal: Portal, device: str) -> Place:
    """Return a device; raises `HTTPException` 404 where neither registry nor store knows it."""
    place = place_of(portal, device)
    if place is None:
        raise HTTPException(404, "unknown device: neither the registry nor the store has it")
    return place


def newest(portal: Portal, device: str) -> dict[str, Point]:
    """Return the newest point of each kind that has one."""
    latest = {kind: portal.store.points(kind, device, newest=1) for kind in KINDS}
    return {kind: points[0] for kind, points in latest.items() if points}


def _summary(place: Place) -> dict[str, Any]:
    activity, placement = place.activity, place.placement
    return {
        "device": place.device,
        "status": place.status,
        "areas": {area.level: bodies.AreaName(code=area.code, name=area.name) for area in place.names},
        "provider": placement.provider if placement else None,
        "technology": placement.technology if placement else None,
        "profile": placement.profile if placement else None,
        "traffic_source": placement.traffic_source if placement else None,
        "first_time_ns": activity.first_time_ns if activity else None,
        "last_time_ns": activity.last_time_ns if activity else None,
        "counts": dict(activity.counts) if activity else {},
    }


def _spools(portal: Portal, device: str) -> list[bodies.Spool]:
    """Return per spool the ranges of `seq` in each state, and those that nothing accounts for."""
    told: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for delivery in portal.store.deliveries(device):
        states = told.setdefault(delivery.spool, {"received": [], "rejected": [], "dropped": []})
        states[delivery.state].append((delivery.first_seq, delivery.last_seq))
    return [_spool(spool, portal.store.stored_seqs(device, spool), states) for spool, states in told.items()]


def _spool(
    spool: str, stored: list[tuple[int, int]], states: dict[str, list[tuple[int, int]]]
) -> bodies.Spool:
    accounted = [*stored, *states["rejected"], *states["dropped"]]
    seen = ranges.merge([*accounted, *states["received"]])
    return bodies.Spool(
        spool=spool,
        stored=ranges.merge(stored),
        **{state: ranges.merge(some) for state, some in states.items()},
        missing=ranges.subtract([(seen[0][0], seen[-1][1])] if seen else [], accounted),
    )
