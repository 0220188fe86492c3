"""The engine `speedtest-compat`: what speedtest-cli itself reports, to compare with figures of old.

Its reads of 10 KiB make it bound by the processor, and its upload counts what sockets took, not what arrived;
both include the ramp-up. Its ping is the mean of three, from connections of their own.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.direction import Way, interface_ratio
from pantau_agent.probes.speed.goodput import Goodput, Sample, cpu_saturated, recent_rate_bps
from pantau_agent.probes.speed.load import idle_cpu_s
from pantau_agent.probes.speed.result import Direction, Findings
from pantau_agent.probes.speed.speedtest import library
from pantau_agent.probes.speed.speedtest.finding import Found, find
from pantau_agent.probes.speed.speedtest.library import Line, ping_ms, run_helper

if TYPE_CHECKING:
    from pantau_agent.probes.speed.account import InterfaceBytes, LineAccount
    from pantau_agent.probes.speed.child import Child
    from pantau_agent.probes.speed.trial import Trial

_BITS = 8
_DIRECTION_S = 10.0
"""How long the library loads the line each way, whatever is configured here."""
_TIMEOUT_S = 120.0


class SpeedtestCompatEngine:
    """The library's own test."""

    def unavailable(self) -> str | None:
        """Return what to install, None if speedtest-cli is there."""
        return library.unavailable()

    def prepare(self, trial: Trial) -> SpeedtestCompatTest:
        """Find the server. Raises ProbeError and StoppedError."""
        return SpeedtestCompatTest(trial, find(trial))


class SpeedtestCompatTest:
    """One test."""

    def __init__(self, trial: Trial, found: Found) -> None:
        self._trial = trial
        self._server_id = found.server_id
        self.server = found.addresses[0].name
        self.address = found.addresses[0].sockaddr

    def run(self, findings: Findings, account: LineAccount) -> None:
        """Measure. Raises ProbeError and StoppedError; `budget` before it begins if that may not suffice."""
        watcher = _Watcher(self._trial, findings, account)
        max_bytes = self._trial.target.max_bytes or 0
        run_helper(self._trial.stop, _TIMEOUT_S, watcher.take, "measure", self._server_id, max_bytes)
        if findings.upload is None:
            raise ProbeError("protocol", "speedtest-cli ended without a result")


@dataclass(slots=True)
class _Running:
    """A direction while it runs."""

    way: Way
    begun_s: float
    before: InterfaceBytes | None
    samples: list[Sample] = field(default_factory=list)


class _Watcher:
    """Takes the helper's lines: books what moved, tells who watches, and notes what was found."""

    def __init__(self, trial: Trial, findings: Findings, account: LineAccount) -> None:
        self._trial = trial
        self._findings = findings
        self._account = account
        self._booked_received_bytes = 0
        self._booked_sent_bytes = 0
        self._running: _Running | None = None

    def take(self, line: Line, child: Child) -> None:
        """Take one line. Raises ProbeError."""
        self._book(line)
        if "ping_ms" in line:
            self._take_ping(line)
        elif "too_large_bytes" in line:
            self._refuse(line["too_large_bytes"])
        elif "way" in line:
            self._watch(line["way"], line, child)
        elif "download" in line:
            self._findings.download = self._direction(line["download"])
        elif "upload" in line:
            self._findings.upload = self._direction(line["upload"])

    def _book(self, line: Line) -> None:
        self._account.received(line["received_bytes"] - self._booked_received_bytes)
        self._account.sent(line["sent_bytes"] - self._booked_sent_bytes)
        self._booked_received_bytes = line["received_bytes"]
        self._booked_sent_bytes = line["sent_bytes"]

    def _take_ping(self, line: Line) -> None:
        self._findings.part = "idle"
        found = ping_ms(line)
        if found is not None:
            self._findings.idle_rtd_ms.append(found)

    def _refuse(self, most_bytes: int) -> None:
        allowed = f"{self._trial.target.max_bytes} are allowed"
        raise ProbeError("budget", f"speedtest-cli may take {most_bytes} bytes and cannot be cut, {allowed}")

    def _watch(self, way: Way, line: Line, child: Child) -> None:
        running = self._running
        if running is None or running.way != way:
            self._findings.part = way
            running = self._running = _Running(way, time.monotonic(), self._account.counters())
        at_s = time.monotonic() - running.begun_s
        moved = line["received_bytes"] if way == "download" else line["sent_bytes"]
        running.samples.append(Sample(at_s, moved, child.cpu_s(), idle_cpu_s()))
        rate_bps = recent_rate_bps(running.samples)
        self._trial.report(Progress(way, at_s, _DIRECTION_S, rate_bps=rate_bps))

    def _direction(self, found: Line) -> Direction:
        running = self._running
        assert running is not None
        payload_bytes, bps = int(found["bytes"]), float(found["bps"])
        if payload_bytes <= 0 or bps <= 0:
            raise ProbeError("timeout", "nothing came through")
        after = self._account.counters()
        return Direction(
            goodput=Goodput(payload_bytes, payload_bytes * _BITS / bps, 0.0),
            payload_bytes=payload_bytes,
            stream_count=int(found["streams"]),
            loaded_rtd_ms=[],
            interface_ratio=interface_ratio(running.way, running.before, after, payload_bytes),
            budget_spent=False,
            cpu_saturated=cpu_saturated(running.samples, 0.0, os.cpu_count() or 1),
        )
