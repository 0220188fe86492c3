"""The engine `http`: idle delay, download, upload, one after the other, against LibreSpeed's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.speed.http import directions
from pantau_agent.probes.speed.http.peer import find_peer
from pantau_agent.probes.speed.idle import measure_idle
from pantau_agent.probes.speed.patience import Patience
from pantau_agent.probes.speed.streams import with_streams
from pantau_agent.probes.speed.transport.pinger import Pinger
from pantau_agent.probes.speed.transport.server import resolve

if TYPE_CHECKING:
    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.http.peer import Peer
    from pantau_agent.probes.speed.result import Findings
    from pantau_agent.probes.speed.trial import Trial


class HttpEngine:
    """Ours; needs nothing but Python."""

    def unavailable(self) -> str | None:
        """Return None: it always can run."""
        return None

    def prepare(self, trial: Trial) -> HttpTest:
        """Resolve the server and find out what it speaks. Raises ProbeError."""
        patience = Patience(trial)
        servers = resolve(str(trial.target.url), trial.target.ca_file)
        return HttpTest(trial, patience.call(lambda: find_peer(trial, servers)), patience)


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
        with Pinger(peer.server, peer.dialect.empty, trial.stop, trial.target.timeout_s) as pinger:
            measure_idle(trial, pinger, account, findings)
        trial = with_streams(trial, findings.idle_rtd_ms)
        findings.part = "download"
        findings.download = down = self._patience.call(lambda: directions.download(trial, peer, account))
        findings.part = "upload"
        findings.upload = self._patience.call(
            lambda: directions.upload(trial, peer, account, down.payload_bytes)
        )
