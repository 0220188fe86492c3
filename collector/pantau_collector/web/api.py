"""The JSON API, `/api/v1`: what the store holds of each device. Times are ns since 1970, UTC."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response

from pantau_collector.web.places import Place, all_places, place_of
from pantau_collector.web.portal import Portal
from pantau_wire import ranges
from pantau_wire.fields import KINDS
from pantau_wire.vocabulary import INT64_MAX

MAX_POINTS = 10_000
MAX_DEVICES = 1000
Time = Annotated[int, Query(ge=0, le=INT64_MAX)]


def router(portal: Portal) -> APIRouter:
    """Return the routes. They are plain functions, so that the store is read in a thread."""
    routes = APIRouter(prefix="/api/v1", tags=["measurements"])

    @routes.get("/devices")
    def devices(
        after: str = "", limit: Annotated[int, Query(ge=1, le=MAX_DEVICES)] = MAX_DEVICES
    ) -> Response:
        """Return devices in order of id, with their place and counts; `next` asks for more, or is null."""
        found = sorted(all_places(portal), key=lambda place: place.device)
        rest = [place for place in found if place.device > after]
        more = rest[limit - 1].device if len(rest) > limit else None
        return _json({"devices": [_summary(place) for place in rest[:limit]], "next": more})

    @routes.get("/devices/{device}")
    def one(device: str) -> Response:
        """Return a device's place, counts, what became of its sequence numbers, and its newest points."""
        place = _known(portal, device)
        latest = {kind: portal.store.points(kind, device, newest=1) for kind in KINDS}
        return _json(
            {
                **_summary(place),
                "spools": _spools(portal, device),
                "latest": {kind: points[0] for kind, points in latest.items() if points},
            }
        )

    @routes.get("/devices/{device}/points/{kind}")
    def points(
        device: str,
        kind: str,
        since_ns: Time = 0,
        until_ns: Time | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 1000,
    ) -> Response:
        """Return the newest `limit` points with since <= time < until, oldest first.

        `truncated` says that there are older ones: ask again with `until_ns` at the oldest time given.
        """
        _known(portal, device)
        if kind not in KINDS:
            raise HTTPException(404, f"unknown kind: the kinds are {', '.join(KINDS)}")
        found = portal.store.points(kind, device, since_ns=since_ns, until_ns=until_ns, newest=limit + 1)
        body = {"device": device, "kind": kind, "truncated": len(found) > limit, "points": found[-limit:]}
        return _json(body)

    return routes


def _known(portal: Portal, device: str) -> Place:
    place = place_of(portal, device)
    if place is None:
        raise HTTPException(404, "unknown device: neither the registry nor the store has it")
    return place


def _summary(place: Place) -> dict[str, Any]:
    activity, placement = place.activity, place.placement
    return {
        "device": place.device,
        "status": place.status,
        "areas": {area.level: {"code": area.code, "name": area.name} for area in place.names},
        "provider": placement.provider if placement else None,
        "technology": placement.technology if placement else None,
        "profile": placement.profile if placement else None,
        "traffic_source": placement.traffic_source if placement else None,
        "first_time_ns": activity.first_time_ns if activity else None,
        "last_time_ns": activity.last_time_ns if activity else None,
        "counts": dict(activity.counts) if activity else {},
    }


def _spools(portal: Portal, device: str) -> list[dict[str, Any]]:
    """Return per spool the ranges of `seq` in each state, and those that nothing accounts for."""
    told: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for delivery in portal.store.deliveries(device):
        states = told.setdefault(delivery.spool, {"received": [], "rejected": [], "dropped": []})
        states[delivery.state].append((delivery.first_seq, delivery.last_seq))
    found = []
    for spool, states in told.items():
        seqs = {"stored": portal.store.stored_seqs(device, spool), **states}
        accounted = [one for state in ("stored", "rejected", "dropped") for one in seqs[state]]
        known = ranges.merge([*accounted, *seqs["received"]])
        found.append(
            {
                "spool": spool,
                **{state: ranges.merge(some) for state, some in seqs.items()},
                "missing": ranges.subtract([(known[0][0], known[-1][1])] if known else [], accounted),
            }
        )
    return found


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
