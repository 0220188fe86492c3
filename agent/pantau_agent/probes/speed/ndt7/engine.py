"""The engine `ndt7`: idle delay, download, upload, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.direction import run_direction
from pantau_agent.probes.speed.http.upload import random_block
from pantau_agent.probes.speed.idle import measure_idle
from pantau_agent.probes.speed.ndt7.download import DownloadStream
from pantau_agent.probes.speed.ndt7.upload import UploadStream
from pantau_agent.probes.speed.ndt7.url import resolve_ndt7
from pantau_agent.probes.speed.patience import Patience
from pantau_agent.probes.speed.plans import download_plan, upload_plan
from pantau_agent.probes.speed.transport.connects import ConnectPinger
from pantau_agent.probes.speed.transport.pinger import LoadedPinger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.ndt7.url import Ndt7Server
    from pantau_agent.probes.speed.result import Direction, Findings
    from pantau_agent.probes.speed.trial import Trial


class Ndt7Engine:
    """One flow over WebSocket; needs nothing but Python."""

    def unavailable(self) -> str | None:
        """Return None: it always can run."""
        return None

    def prepare(self, trial: Trial) -> Ndt7Test:
        """Resolve the server and see which of its addresses answers. Raises ProbeError."""
        target = trial.target
        return Ndt7Test(trial, _reachable(trial, resolve_ndt7(str(target.url), target.ca_file)))


def _reachable(trial: Trial, peers: Sequence[Ndt7Server]) -> Ndt7Server:
    """Return the first that accepts a connection. Raises the last one's ProbeError."""
    for peer in peers[:-1]:
        try:
            _pinger(trial, peer).round_trip_ms()
        except ProbeError:
            continue
        return peer
    _pinger(trial, peers[-1]).round_trip_ms()
    return peers[-1]


def _pinger(trial: Trial, peer: Ndt7Server) -> ConnectPinger:
    return ConnectPinger(peer.server, trial.stop, trial.target.timeout_s)


class Ndt7Test:
    """One test."""

    def __init__(self, trial: Trial, peer: Ndt7Server) -> None:
        self._trial = trial
        self._peer = peer
        self._patience = Patience(trial)
        self.server = peer.server.name
        self.address = peer.server.sockaddr

    def run(self, findings: Findings, account: LineAccount) -> None:
        """Measure. Raises ProbeError and StoppedError."""
        findings.part = "idle"
        measure_idle(self._trial, _pinger(self._trial, self._peer), account, findings)
        findings.part = "download"
        findings.download = down = self._patience.call(lambda: self._download(account))
        findings.part = "upload"
        findings.upload = self._patience.call(lambda: self._upload(account, down.payload_bytes))

    def _download(self, account: LineAccount) -> Direction:
        trial, target = self._trial, self._trial.target

        def open_stream() -> DownloadStream:
            return DownloadStream(self._peer, trial.stop, target.timeout_s)

        plan, pinger = download_plan(target), self._loaded_pinger()
        return run_direction("download", trial, account, plan, openers=[open_stream], pinger=pinger)

    def _upload(self, account: LineAccount, downloaded_bytes: int) -> Direction:
        trial, target, block = self._trial, self._trial.target, random_block()

        def open_stream() -> UploadStream:
            return UploadStream(self._peer, trial.stop, target.timeout_s, block)

        plan, pinger = upload_plan(target, downloaded_bytes), self._loaded_pinger()
        return run_direction("upload", trial, account, plan, openers=[open_stream], pinger=pinger)

    def _loaded_pinger(self) -> LoadedPinger:
        return LoadedPinger(_pinger(self._trial, self._peer), self._trial.target.ping_interval_s)
