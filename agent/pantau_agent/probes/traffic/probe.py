"""The traffic probe: counters sampled over a period, no byte lost between periods."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_agent.i18n import _
from pantau_agent.probes import interfaces
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.traffic.host import Host, read_counters
from pantau_agent.probes.traffic.rates import Period, SampleLostError, Snapshot, failed
from pantau_agent.probes.traffic.router import Router, RouterTarget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pantau_agent.probes.base import Context
    from pantau_agent.probes.traffic.host import HostCounters
    from pantau_agent.probes.traffic.rates import Source
    from pantau_wire.fields import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficTarget:
    """What to watch, for how long, sampled how often.

    An interface of this machine (None: the default route's), or the port of the router.
    """

    interface: str | None = None
    router: RouterTarget | None = None
    period_s: float = 60.0
    sample_s: float = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError unless 0 < sample_s <= period_s."""
        if not 0 < self.sample_s <= self.period_s:
            raise ValueError(_("sample_s must be above 0 and at most period_s"))


class TrafficProbe:
    """Watches interfaces; remembers each one's last snapshot so that the next period begins where one ended.

    `duration_s` of the result is the time that the good samples cover; rates are bytes over that time.
    A period that continues the one before ends a period after *that* one's end, so that periods
    form a grid and do not drift. A snapshot older than a period is forgotten.
    """

    def __init__(
        self,
        counters: Callable[[], Mapping[str, HostCounters]] = read_counters,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take other sources of counters and time for tests."""
        self._counters = counters
        self._clock = clock
        self._sleep = sleep
        self._routers: dict[RouterTarget, Router] = {}
        self._last: dict[str | RouterTarget, Snapshot] = {}

    async def __call__(self, target: TrafficTarget, context: Context) -> Traffic:
        """Watch for a period. What ends it early is a failure beside what was measured until then."""
        source, key = self._source(target)
        period = Period(self._recent(key, target))
        try:
            await self._watch(period, source, target, context)
        except ProbeError as error:
            return failed(period.result(source), error)
        else:
            self._remember(key, period)
        return period.result(source)

    def _source(self, target: TrafficTarget) -> tuple[Source, str | RouterTarget]:
        """Return what is read, and the key under which its last snapshot is kept."""
        if target.router is not None:
            if target.router not in self._routers:
                self._routers[target.router] = Router(target.router)
            return self._routers[target.router], target.router
        interface = target.interface or interfaces.default_interface()
        return Host(interface, self._counters, self._clock), interface

    def _recent(self, key: str | RouterTarget, target: TrafficTarget) -> Snapshot | None:
        """Return the last snapshot unless it is too old, and forget it."""
        last = self._last.pop(key, None)
        return last if last is not None and self._clock() - last.at_s <= target.period_s else None

    async def _watch(self, period: Period, source: Source, target: TrafficTarget, context: Context) -> None:
        if period.last is None:
            await _sample(period, source, context)
        end_s = self._end_of(period, target)
        while (left_s := end_s - self._clock()) > 0:
            await self._sleep(min(left_s, target.sample_s))
            await _sample(period, source, context)

    def _end_of(self, period: Period, target: TrafficTarget) -> float:
        """Return when the period ends: on the grid, unless that leaves less than half a sample."""
        now_s = self._clock()
        on_grid = (period.last.at_s if period.last is not None else now_s) + target.period_s
        return on_grid if on_grid - now_s > target.sample_s / 2 else now_s + target.period_s

    def _remember(self, key: str | RouterTarget, period: Period) -> None:
        if period.last is not None:
            self._last[key] = period.last


async def _sample(period: Period, source: Source, context: Context) -> None:
    try:
        period.add(await source.read(context))
    except SampleLostError as error:
        period.lost = error
