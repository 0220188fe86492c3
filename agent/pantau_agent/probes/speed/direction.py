"""One direction under load: streams, pings beside them, counters before and after."""

from __future__ import annotations

import contextlib
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.goodput import cpu_saturated, goodput, recent_rate_bps, series_bps
from pantau_agent.probes.speed.load import Load
from pantau_agent.probes.speed.result import Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_agent.probes.speed.account import InterfaceBytes, LineAccount
    from pantau_agent.probes.speed.goodput import Goodput, Sample
    from pantau_agent.probes.speed.load import Plan, Stream
    from pantau_agent.probes.speed.transport.pinger import LoadedPinger
    from pantau_agent.probes.speed.trial import Trial

Way = Literal["download", "upload"]


def run_direction(
    way: Way,
    trial: Trial,
    account: LineAccount,
    plan: Plan,
    *,
    openers: Sequence[Callable[[], Stream]],
    pinger: LoadedPinger,
) -> Direction:
    """Open all streams, load the line by them while `pinger` pings, and return what was found.

    Raises ProbeError and StoppedError.
    """
    with ExitStack() as stack:
        streams = [_opened(stack, open_stream) for open_stream in openers]
        account.learn_segments(streams[0].connection.socket)
        stack.enter_context(pinger)
        watcher = _Watcher(way, trial, account, plan, pinger)
        before = account.counters()
        load = Load(streams, plan, trial.stop, watcher)
        try:
            load.run()
            payload_bytes = load.settle()
        finally:
            with contextlib.suppress(ProbeError):  # a connection that is gone: what it last counted is booked
                watcher.book(load.payload_bytes())
        after = account.counters()
    return Direction(
        goodput=_goodput(load, plan),
        payload_bytes=payload_bytes,
        stream_count=len(streams),
        loaded_rtd_ms=pinger.delays_ms,
        interface_ratio=interface_ratio(way, before, after, payload_bytes),
        budget_spent=load.budget_spent,
        stable=load.stable,
        series_bps=series_bps(load.samples),
        cpu_saturated=cpu_saturated(load.samples, plan.discard_s, os.cpu_count() or 1),
    )


def _opened(stack: ExitStack, open_stream: Callable[[], Stream]) -> Stream:
    stream = open_stream()
    stack.callback(_close, stream)
    return stream


def _close(stream: Stream) -> None:
    """Close the connection that the stream has by then: it may have been replaced meanwhile."""
    stream.connection.close()


class _Watcher:
    """Takes the samples of a load as they come: books bytes, spares the line, tells who watches."""

    def __init__(
        self, way: Way, trial: Trial, account: LineAccount, plan: Plan, pinger: LoadedPinger
    ) -> None:
        self._way = way
        self._report = trial.report
        self._book = account.received if way == "download" else account.sent
        self._exchanged = account.exchanged
        self._plan = plan
        self._pinger = pinger
        self._booked_bytes = 0
        self._booked_pings = 0

    def __call__(self, samples: Sequence[Sample]) -> None:
        self.book(samples[-1].payload_bytes)
        rate_bps = recent_rate_bps(samples)
        self._pinger.spare(rate_bps)
        self._report(
            Progress(
                self._way,
                samples[-1].at_s,
                self._plan.duration_s,
                rate_bps=rate_bps,
                rtd_ms=self._pinger.delays_ms[-1] if self._pinger.delays_ms else None,
            )
        )

    def book(self, payload_bytes: int) -> None:
        """Book what came since the last time."""
        self._book(max(payload_bytes - self._booked_bytes, 0))
        self._booked_bytes = max(payload_bytes, self._booked_bytes)
        pings = len(self._pinger.delays_ms)
        self._exchanged((pings - self._booked_pings) * self._pinger.each_way_bytes)
        self._booked_pings = pings


def _goodput(load: Load, plan: Plan) -> Goodput | None:
    """Return the goodput. Raises ProbeError if nothing came in the time that counts, or no time counted."""
    found = goodput(load.samples, plan.discard_s)
    if found is not None and found.payload_bytes > 0:
        return found
    if load.budget_spent:
        return None
    raise ProbeError("timeout", f"nothing came through after the first {plan.discard_s:g} s")


def interface_ratio(
    way: Way, before: InterfaceBytes | None, after: InterfaceBytes | None, payload_bytes: int
) -> float | None:
    """Return the interface's bytes per counted byte, None if there is nothing to compare."""
    if before is None or after is None or not payload_bytes:
        return None
    grown = after.rx_bytes - before.rx_bytes if way == "download" else after.tx_bytes - before.tx_bytes
    return round(grown / payload_bytes, 4) if grown >= 0 else None
