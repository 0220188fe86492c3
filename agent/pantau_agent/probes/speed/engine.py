"""The engine `http`: idle delay, download, upload, one after the other, in one thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed import direction, idle
from pantau_agent.probes.speed.errors import BusyError
from pantau_agent.probes.speed.result import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_agent.probes.speed.server import Server
    from pantau_agent.probes.speed.trial import Trial

_T = TypeVar("_T")
_REPORT_S = 0.25


def run(trial: Trial, servers: Sequence[Server]) -> Findings:
    """Run one test; blocks. The first part that fails ends it, and what was found until then stays.

    Raises nothing but StoppedError.
    """
    findings = Findings(server=servers[0].name)
    patience = Patience(trial)
    part = "idle"
    try:
        peer = patience.call(lambda: idle.find_peer(trial, servers))
        idle.measure_idle(trial, peer, findings)
        part = "download"
        findings.download = down = patience.call(lambda: direction.download(trial, peer))
        part = "upload"
        findings.upload = patience.call(lambda: direction.upload(trial, peer, down.payload_bytes))
    except ProbeError as error:
        findings.failed_part, findings.error = part, error
    findings.note_small_budget()
    return findings


class Patience:
    """Waits as a busy server asks, some times in a test, and then no more."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._tries = 0

    def call(self, part: Callable[[], _T]) -> _T:
        """Return what `part` returns, tried again when the server was busy. Raises its last ProbeError."""
        while True:
            try:
                return part()
            except BusyError as error:
                self._wait_or_give_up(error)

    def _wait_or_give_up(self, error: BusyError) -> None:
        target = self._trial.target
        asked = f"{error.detail}, Retry-After {error.retry_after_s:g} s"
        if error.retry_after_s > target.busy_wait_s:
            limit = f"longer than the {target.busy_wait_s:g} s that are configured"
            raise BusyError(f"{asked}: {limit}", error.retry_after_s) from error
        if self._tries >= target.busy_tries:
            raise BusyError(f"{asked}: still busy after {self._tries} waits", error.retry_after_s) from error
        self._tries += 1
        self._wait(error.retry_after_s)

    def _wait(self, seconds: float) -> None:
        begun_s = time.monotonic()
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            self._trial.report(Progress("waiting", elapsed_s, seconds))
            self._trial.stop.sleep(min(_REPORT_S, seconds - elapsed_s))
