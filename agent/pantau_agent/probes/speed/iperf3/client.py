"""One run of iperf3 against one server: watched, booked as it goes, and cut when the budget is used up."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.child import Child
from pantau_agent.probes.speed.direction import interface_ratio
from pantau_agent.probes.speed.goodput import Sample, cpu_saturated, recent_rate_bps
from pantau_agent.probes.speed.iperf3.report import Report, parse
from pantau_agent.probes.speed.load import idle_cpu_s
from pantau_agent.probes.speed.result import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.direction import Way
    from pantau_agent.probes.speed.goodput import Goodput
    from pantau_agent.probes.speed.load import Plan
    from pantau_agent.probes.speed.target import SpeedTarget
    from pantau_agent.probes.speed.transport.server import Server
    from pantau_agent.probes.speed.trial import Trial

_STARTUP_S = 5.0
"""What a run may take beyond its own time and the time to connect."""


def measure(way: Way, trial: Trial, account: LineAccount, plan: Plan, server: Server) -> Direction:
    """Run the client once, and return what was found. Raises ProbeError and StoppedError."""
    before = account.counters()
    omit_s = math.ceil(plan.discard_s)
    watcher = _Watcher(way, trial, account, plan)
    with Child(command(way, plan, server, trial.target)) as child:
        watcher.watch(child)
    report = parse(bytes(child.output), bytes(child.complaints), omit_s)
    watcher.book(report.moved_bytes)
    after = account.counters()
    return Direction(
        goodput=_goodput(report, cut=watcher.cut),
        payload_bytes=_payload_bytes(way, report),
        stream_count=trial.target.stream_count,
        loaded_rtd_ms=[],
        interface_ratio=interface_ratio(way, before, after, report.moved_bytes),
        budget_spent=watcher.cut,
        cpu_saturated=cpu_saturated(watcher.samples, omit_s, os.cpu_count() or 1),
        series_bps=report.series_bps if way == "download" else None,
    )


def command(way: Way, plan: Plan, server: Server, target: SpeedTarget) -> Sequence[str]:
    """Return the command. The program takes whole seconds: the ramp-up is rounded up, the rest counts."""
    omit_s = math.ceil(plan.discard_s)
    counted_s = max(round(plan.duration_s - omit_s), 1)
    address, port = server.sockaddr[:2]
    options = ["--json", "--time", counted_s, "--omit", omit_s, "--parallel", target.stream_count]
    options += ["--connect-timeout", round(target.timeout_s * 1000)]
    options += ["--reverse"] if way == "download" else []
    return [str(part) for part in ["iperf3", "--client", address, "--port", port, *options]]


def _goodput(report: Report, *, cut: bool) -> Goodput | None:
    if report.received is None and not cut:
        raise ProbeError("protocol", "iperf3 does not say what was received")
    return report.received


def _payload_bytes(way: Way, report: Report) -> int:
    """Return the payload, ramp-up included. Of an upload's ramp-up only what the sockets took is known."""
    if way == "download" or report.received is None:
        return report.moved_bytes
    return report.ramp_up_bytes + report.received.payload_bytes


class _Watcher:
    """Looks at a running client: books what it moves, tells who watches, cuts it when the budget is used."""

    def __init__(self, way: Way, trial: Trial, account: LineAccount, plan: Plan) -> None:
        self._way = way
        self._trial = trial
        self._book = account.received if way == "download" else account.sent
        self._plan = plan
        self._begun_s = time.monotonic()
        self._booked_bytes = 0
        self.samples: list[Sample] = []
        self.cut = False

    def watch(self, child: Child) -> None:
        """Look until the client ends."""
        timeout_s = self._plan.duration_s + self._trial.target.timeout_s + _STARTUP_S
        child.read_to_end(self._trial.stop, timeout_s, lambda: self._look(child))

    def book(self, moved_bytes: int) -> None:
        """Book what came since the last time."""
        self._book(max(moved_bytes - self._booked_bytes, 0))
        self._booked_bytes = max(moved_bytes, self._booked_bytes)

    def _look(self, child: Child) -> None:
        moved = child.read_bytes() if self._way == "download" else child.written_bytes()
        if moved is None:
            return
        self.book(moved)
        at_s = time.monotonic() - self._begun_s
        self.samples.append(Sample(at_s, moved, child.cpu_s(), idle_cpu_s()))
        rate_bps = recent_rate_bps(self.samples)
        self._trial.report(Progress(self._way, at_s, self._plan.duration_s, rate_bps=rate_bps))
        self._cut_in_time(child)

    def _cut_in_time(self, child: Child) -> None:
        """Interrupt the client if its budget would be used up before the next look."""
        limit = self._plan.max_bytes
        if limit is None or self.cut:
            return
        *_, before, now = [0, *(sample.payload_bytes for sample in self.samples)]
        if 2 * now - before > limit:
            self.cut = True
            child.interrupt()
