"""Bytes that cross one interface: counters sampled over a period, no byte lost between periods.

Passive measurement (RFC 7799). What our own tests caused is reported beside and subtracted from the rates.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psutil
from msgspec import structs

from pantau_agent.probes import interfaces
from pantau_wire.fields import Traffic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pantau_agent.probes.base import Context

_BITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficTarget:
    """What to watch: an interface (None: the default route's), for how long, sampled how often."""

    interface: str | None = None
    period_s: float = 60.0
    sample_s: float = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError unless 0 < sample_s <= period_s."""
        if not 0 < self.sample_s <= self.period_s:
            raise ValueError("sample_s must be above 0 and at most period_s")


class Counters(NamedTuple):
    """What an interface has received and sent since it came up, in bytes."""

    rx_bytes: int
    tx_bytes: int


class Snapshot(NamedTuple):
    """Counters of an interface and of our own tests at one instant of the monotonic clock."""

    at_s: float
    rx_bytes: int
    tx_bytes: int
    test_rx_bytes: int
    test_tx_bytes: int


class Delta(NamedTuple):
    """What lies between two snapshots."""

    elapsed_s: float
    rx_bytes: int
    tx_bytes: int
    test_rx_bytes: int
    test_tx_bytes: int

    @property
    def rx_rate_bps(self) -> float:
        """Receive rate without our own tests, never below zero, bit/s."""
        return max(self.rx_bytes - self.test_rx_bytes, 0) * _BITS / self.elapsed_s

    @property
    def tx_rate_bps(self) -> float:
        """Send rate without our own tests, never below zero, bit/s."""
        return max(self.tx_bytes - self.test_tx_bytes, 0) * _BITS / self.elapsed_s


def _between(before: Snapshot, now: Snapshot) -> Delta:
    return Delta(
        elapsed_s=now.at_s - before.at_s,
        rx_bytes=now.rx_bytes - before.rx_bytes,
        tx_bytes=now.tx_bytes - before.tx_bytes,
        test_rx_bytes=now.test_rx_bytes - before.test_rx_bytes,
        test_tx_bytes=now.test_tx_bytes - before.test_tx_bytes,
    )


def _total(deltas: list[Delta]) -> Delta:
    return Delta(
        elapsed_s=sum(delta.elapsed_s for delta in deltas),
        rx_bytes=sum(delta.rx_bytes for delta in deltas),
        tx_bytes=sum(delta.tx_bytes for delta in deltas),
        test_rx_bytes=sum(delta.test_rx_bytes for delta in deltas),
        test_tx_bytes=sum(delta.test_tx_bytes for delta in deltas),
    )


@dataclass(slots=True)
class Period:
    """The samples of one period. A sample in which a counter went backwards is left out and counted."""

    last: Snapshot
    deltas: list[Delta] = field(default_factory=list)
    reset_count: int = 0

    def add(self, now: Snapshot) -> None:
        """Take the next snapshot."""
        before, self.last = self.last, now
        if now.rx_bytes < before.rx_bytes or now.tx_bytes < before.tx_bytes:
            self.reset_count += 1
        elif now.at_s > before.at_s:
            self.deltas.append(_between(before, now))

    def result(self, interface: str) -> Traffic:
        """Return the period's figures; without any good sample only the counts and the failure."""
        counts = Traffic(
            source="host",
            interface=interface,
            sample_count=len(self.deltas),
            counter_reset_count=self.reset_count,
        )
        return _with_figures(counts, self.deltas) if self.deltas else _without_samples(counts)


def _without_samples(counts: Traffic) -> Traffic:
    detail = f"no sample of {counts.interface}: it vanished, or its counters went backwards"
    return structs.replace(counts, failure="unreachable", failure_detail=detail)


def _with_figures(counts: Traffic, deltas: list[Delta]) -> Traffic:
    total = _total(deltas)
    return structs.replace(
        counts,
        duration_s=total.elapsed_s,
        rx_bytes=total.rx_bytes,
        tx_bytes=total.tx_bytes,
        test_rx_bytes=total.test_rx_bytes,
        test_tx_bytes=total.test_tx_bytes,
        rx_rate_bps=total.rx_rate_bps,
        tx_rate_bps=total.tx_rate_bps,
        rx_peak_bps=max(delta.rx_rate_bps for delta in deltas),
        tx_peak_bps=max(delta.tx_rate_bps for delta in deltas),
    )


def read_counters() -> Mapping[str, Counters]:
    """Return the counters of all interfaces as the system has them: resets show as such."""
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    return {name: Counters(io.bytes_recv, io.bytes_sent) for name, io in counters.items()}


class TrafficProbe:
    """Watches interfaces; remembers each one's last snapshot so that the next period begins where one ended.

    `duration_s` of the result is the time that the good samples cover; rates are bytes over that time.
    A period that continues the one before ends a period after *that* one's end, so that periods
    form a grid and do not drift. A snapshot older than a period is forgotten.
    """

    def __init__(
        self,
        counters: Callable[[], Mapping[str, Counters]] = read_counters,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take other sources of counters and time for tests."""
        self._counters = counters
        self._clock = clock
        self._sleep = sleep
        self._last: dict[str, Snapshot] = {}

    async def __call__(self, target: TrafficTarget, context: Context) -> Traffic:
        """Watch for a period. An interface that is not there, or vanishes, is the failure `unreachable`."""
        interface = target.interface or interfaces.default_interface()
        first = self._begin(interface, target, context)
        if first is None:
            return _gone(Traffic(source="host", interface=interface))
        self._last[interface] = first
        period = Period(first)
        end_s = self._end_of(first, target)
        while (left_s := end_s - self._clock()) > 0:
            await self._sleep(min(left_s, target.sample_s))
            now = self._snapshot(interface, context)
            if now is None:
                self._last.pop(interface, None)
                return _gone(period.result(interface))
            period.add(now)
            self._last[interface] = now
        return period.result(interface)

    def _begin(self, interface: str, target: TrafficTarget, context: Context) -> Snapshot | None:
        last = self._last.get(interface)
        if last is not None and self._clock() - last.at_s <= target.period_s:
            return last
        return self._snapshot(interface, context)

    def _end_of(self, first: Snapshot, target: TrafficTarget) -> float:
        """Return when the period ends: on the grid, unless that leaves less than half a sample."""
        on_grid = first.at_s + target.period_s
        return on_grid if on_grid - self._clock() > target.sample_s / 2 else self._clock() + target.period_s

    def _snapshot(self, interface: str, context: Context) -> Snapshot | None:
        counters = self._counters().get(interface)
        if counters is None:
            return None
        return Snapshot(self._clock(), *counters, *context.test_traffic.totals(interface))


def _gone(measured: Traffic) -> Traffic:
    """Return what was measured before the interface vanished, with the failure."""
    detail = f"there is no interface {measured.interface}"
    return structs.replace(measured, failure="unreachable", failure_detail=detail)
