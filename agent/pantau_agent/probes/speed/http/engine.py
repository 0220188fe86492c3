"""The engine `http`: idle delay, download, upload, one after the other, against LibreSpeed's dialect."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from pantau_agent.probes.base import Progress
from pantau_agent.probes.speed.http import directions, idle
from pantau_agent.probes.speed.transport.errors import BusyError
from pantau_agent.probes.speed.transport.server import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.http.peer import Peer
    from pantau_agent.probes.speed.result import Findings
    from pantau_agent.probes.speed.trial import Trial

_T = TypeVar("_T")
_REPORT_S = 0.25


class HttpEngine:
    """Ours; needs nothing but Python."""

    def unavailable(self) -> str | None:
        """Return None: it always can run."""
        return None

    def prepare(self, trial: Trial) -> HttpTest:
        """Resolve the server and find out what it speaks. Raises ProbeError."""
        patience = Patience(trial)
        servers = resolve(str(trial.target.url), trial.target.ca_file)
        return HttpTest(trial, patience.call(lambda: idle.find_peer(trial, servers)), patience)


class HttpTest:
    """One test."""

    def __init__(self, trial: Trial, peer: Peer, patience: Patience) -> None:
        self._trial = trial
        self._peer = peer
        self._patience = patience
        self.server = peer.server.name
        self.address = peer.server.sockaddr

    def run(self, findings: Findings, account: LineAccount) -> None:
        """Measure. Raises ProbeError and StoppedError."""
        trial, peer = self._trial, self._peer
        findings.part = "idle"
        idle.measure_idle(trial, peer, account, findings)
        findings.part = "download"
        findings.download = down = self._patience.call(lambda: directions.download(trial, peer, account))
        findings.part = "upload"
        findings.upload = self._patience.call(
            lambda: directions.upload(trial, peer, account, down.payload_bytes)
        )


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
