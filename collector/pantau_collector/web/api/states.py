"""The present: how areas, villages and devices are now, and surges, from the newest derived rows."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pantau_collector.formats import SECOND_NS
from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import AREA_TAGS
from pantau_collector.web import asked
from pantau_collector.web.api import bodies
from pantau_collector.web.api.answering import answered
from pantau_collector.web.api.describing import says
from pantau_collector.web.api.devices import DeviceId, Time, known, newest
from pantau_collector.web.portal import Portal

NOW_NS = 1800 * SECOND_NS
"""What is older than half an hour is no longer the present."""
MAX_SURGES = 10_000
LONGEST_NS = 31 * 86_400 * SECOND_NS
_TAGS = {2: "province", 5: "regency", 8: "district", 13: "village"}
_DIRECTION = len(AREA_TAGS)


def router(portal: Portal) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["state"])
    present = _Present(portal)

    @routes.get("/areas/{code}/state", **says(bodies.AreaState))
    def area(request: Request, code: asked.RegionCode) -> Response:
        """Return how a nation, province or regency is now: its regencies' figures and its alerts."""
        own = asked.area(code)
        alerts = Counter(alert.alert for alert in present.alerts(own))
        body = bodies.AreaState(
            code=code, regencies=present.regencies(own), alerts=dict(sorted(alerts.items()))
        )
        return answered(request, body)

    @routes.get("/villages/{code}/state", **says(bodies.VillageState))
    def village(request: Request, code: asked.VillageCode) -> Response:
        """Return how a village is now: silence, figures of the newest five minutes, alerts."""
        own = asked.area(code)
        newest = present.newest("village_5m", {"village": own})
        body = bodies.VillageState(
            code=own,
            silent_minutes=present.silent_minutes("village_silence", {"village": own}),
            window_ns=newest.time_ns if newest else None,
            figures=newest.values if newest else {},
            alerts=present.alerts(own),
        )
        return answered(request, body)

    @routes.get("/devices/{device}/state", **says(bodies.DeviceState))
    def device(request: Request, device: DeviceId) -> Response:
        """Return how a device is now: silence, and its newest points."""
        known(portal, device)
        body = bodies.DeviceState(
            device=device,
            silent_minutes=present.silent_minutes("device_silence", {"device": device}),
            latest=newest(portal, device),
        )
        return answered(request, body)

    @routes.get("/areas/{code}/surges", **says(bodies.Surges))
    def surges_now(request: Request, code: asked.RegionCode) -> Response:
        """Return the newest surge score of each village and direction, not older than half an hour."""
        rows = present.rows("surge", asked.area(code))
        return answered(request, bodies.Surges(surges=[_surge(row) for row in rows], truncated=False))

    @routes.get("/villages/{code}/surges", **says(bodies.Surges))
    def surges(
        *,
        request: Request,
        code: asked.VillageCode,
        since_ns: Time = 0,
        until_ns: Time | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_SURGES)] = 1000,
    ) -> Response:
        """Return a village's newest `limit` surge scores with since <= time < until, of 31 days at most."""
        own = asked.area(code)
        until = portal.clock_ns() if until_ns is None else until_ns
        since = max(since_ns, until - LONGEST_NS)
        rows = portal.store.series("surge", since_ns=since, until_ns=until, where={"village": own})
        body = bodies.Surges(surges=[_surge(row) for row in rows[-limit:]], truncated=len(rows) > limit)
        return answered(request, body)

    return routes


class _Present:
    """The newest rows of derived series."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def rows(self, series: str, area: str) -> list[SeriesRow]:
        """Return the newest row of each combination of tags in an area, none that is too old."""
        where = {_TAGS[len(area)]: area} if area else None
        return self._series(series, where)

    def newest(self, series: str, where: dict[str, str]) -> SeriesRow | None:
        """Return the newest row, or None where it is too old."""
        return max(self._series(series, where), key=lambda row: row.time_ns, default=None)

    def silent_minutes(self, series: str, where: dict[str, str]) -> float | None:
        """Return for how many minutes nothing was measured, None where nobody counts them."""
        row = self.newest(series, where)
        return float(row.values["silent_minutes"]) if row else None

    def alerts(self, area: str) -> list[bodies.Alert]:
        """Return what is out of bounds now in an area."""
        return [_alert(row) for row in self.rows("active_alerts", area) if row.values.get("active")]

    def regencies(self, area: str) -> list[bodies.RegencyState]:
        """Return the figures of the regencies in an area, by code."""
        newest: dict[str, SeriesRow] = {row.tags[0]: row for row in self.rows("regency_5m", area)}
        return [
            bodies.RegencyState(code=code, window_ns=row.time_ns, figures=row.values)
            for code, row in sorted(newest.items())
        ]

    def _series(self, series: str, where: dict[str, str] | None) -> list[SeriesRow]:
        since_ns = max(0, self._portal.clock_ns() - NOW_NS)
        return self._portal.store.series(series, since_ns=since_ns, where=where, newest=1)


def _alert(row: SeriesRow) -> bodies.Alert:
    return bodies.Alert(
        village=row.tags[0],
        alert=row.tags[len(AREA_TAGS)],
        since_s=_number(row, "since_s"),
        value=_number(row, "value"),
    )


def _number(row: SeriesRow, name: str) -> float | None:
    value = row.values.get(name)
    return None if value is None else float(value)


def _surge(row: SeriesRow) -> bodies.Surge:
    return bodies.Surge(
        village=row.tags[0], direction=row.tags[_DIRECTION], time_ns=row.time_ns, figures=row.values
    )
