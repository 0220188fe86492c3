"""Download and upload over parallel connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.speed.direction import run_direction
from pantau_agent.probes.speed.http.download import DownloadStream
from pantau_agent.probes.speed.http.upload import UploadStream, random_block
from pantau_agent.probes.speed.plans import download_plan, upload_plan
from pantau_agent.probes.speed.transport.errors import RefusedError
from pantau_agent.probes.speed.transport.pinger import LoadedPinger, Pinger

if TYPE_CHECKING:
    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.http.peer import Peer
    from pantau_agent.probes.speed.result import Direction
    from pantau_agent.probes.speed.trial import Trial

_TOO_LARGE = 413


def download(trial: Trial, peer: Peer, account: LineAccount) -> Direction:
    """Load the line towards us. Raises ProbeError."""
    target = trial.target
    plan = download_plan(target)
    share = -(-plan.max_bytes // target.stream_count) if plan.max_bytes is not None else None

    def open_stream() -> DownloadStream:
        return DownloadStream(peer.server, peer.dialect, trial.stop, target.timeout_s, share)

    streams = [open_stream] * target.stream_count
    return run_direction("download", trial, account, plan, openers=streams, pinger=_pinger(trial, peer))


def upload(trial: Trial, peer: Peer, account: LineAccount, downloaded_bytes: int) -> Direction:
    """Load the line away from us, in POSTs as large as the server takes. Raises ProbeError."""
    *larger, smallest = peer.dialect.post_bytes
    for post_bytes in larger:
        try:
            return _upload(trial, peer, account, downloaded_bytes, post_bytes)
        except RefusedError as error:
            if error.status != _TOO_LARGE:
                raise
    return _upload(trial, peer, account, downloaded_bytes, smallest)


def _upload(
    trial: Trial, peer: Peer, account: LineAccount, downloaded_bytes: int, post_bytes: int
) -> Direction:
    target = trial.target
    plan = upload_plan(target, downloaded_bytes)
    block = random_block()

    def open_stream() -> UploadStream:
        return UploadStream(
            peer.server, peer.dialect, trial.stop, target.timeout_s, block, post_bytes=post_bytes
        )

    streams = [open_stream] * target.stream_count
    return run_direction("upload", trial, account, plan, openers=streams, pinger=_pinger(trial, peer))


def _pinger(trial: Trial, peer: Peer) -> LoadedPinger:
    target = trial.target
    pinger = Pinger(peer.server, peer.dialect.empty, trial.stop, target.timeout_s)
    return LoadedPinger(pinger, target.ping_interval_s)
