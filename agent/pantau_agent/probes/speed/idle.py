"""The idle delay, before the load, the same for every engine that measures it itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_agent.probes.base import Progress

if TYPE_CHECKING:
    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.result import Findings
    from pantau_agent.probes.speed.transport.pinger import RoundTrips
    from pantau_agent.probes.speed.trial import Trial


def measure_idle(trial: Trial, pinger: RoundTrips, account: LineAccount, findings: Findings) -> None:
    """Note the idle delays, in ms. Raises ProbeError and StoppedError."""
    pinger.round_trip_ms()  # opens the connection; a first answer is slower than the rest
    begun_s = time.monotonic()
    for _ in range(trial.target.idle_pings):
        findings.idle_rtd_ms.append(pinger.round_trip_ms())
        account.exchanged(pinger.each_way_bytes)
        _report(trial, begun_s, findings.idle_rtd_ms[-1])
        trial.stop.sleep(trial.target.ping_interval_s)


def _report(trial: Trial, begun_s: float, rtd_ms: float) -> None:
    expected_s = trial.target.idle_pings * trial.target.ping_interval_s
    trial.report(Progress("idle", time.monotonic() - begun_s, expected_s, rtd_ms=rtd_ms))
