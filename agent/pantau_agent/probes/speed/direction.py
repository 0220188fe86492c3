"""One direction under load: streams, pings beside them, counters before and after."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.download import DownloadStream
from pantau_agent.probes.speed.errors import RefusedError
from pantau_agent.probes.speed.goodput import cpu_saturated, goodput, recent_rate_bps
from pantau_agent.probes.speed.load import Load, Plan
from pantau_agent.probes.speed.pinger import PING_BYTES, LoadedPinger
from pantau_agent.probes.speed.result import Direction
from pantau_agent.probes.speed.upload import POST_BYTES, UploadStream, random_block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_agent.probes.speed.account import InterfaceBytes
    from pantau_agent.probes.speed.goodput import Goodput, Sample
    from pantau_agent.probes.speed.load import Stream
    from pantau_agent.probes.speed.trial import Peer, Trial

_TOO_LARGE = 413

Way = Literal["download", "upload"]


def download(trial: Trial, peer: Peer) -> Direction:
    """Load the line towards us. Raises ProbeError."""
    target = trial.target
    budget = -(-target.max_bytes // 2) if target.max_bytes is not None else None
    plan = Plan(
        duration_s=target.download_s,
        discard_s=target.download_discard_s,
        sample_s=target.sample_s,
        max_bytes=budget,
    )
    share = -(-budget // target.stream_count) if budget is not None else None

    def open_stream() -> DownloadStream:
        return DownloadStream(peer.server, peer.dialect, trial.stop, target.timeout_s, share)

    return _run("download", trial, peer, plan, open_stream)


def upload(trial: Trial, peer: Peer, downloaded_bytes: int) -> Direction:
    """Load the line away from us, in POSTs as large as the server takes. Raises ProbeError."""
    for post_bytes in POST_BYTES[:-1]:
        try:
            return _upload(trial, peer, downloaded_bytes, post_bytes)
        except RefusedError as error:
            if error.status != _TOO_LARGE:
                raise
    return _upload(trial, peer, downloaded_bytes, POST_BYTES[-1])


def _upload(trial: Trial, peer: Peer, downloaded_bytes: int, post_bytes: int) -> Direction:
    target = trial.target
    plan = Plan(
        duration_s=target.upload_s,
        discard_s=target.upload_discard_s,
        sample_s=target.sample_s,
        max_bytes=max(target.max_bytes - downloaded_bytes, 0) if target.max_bytes is not None else None,
    )
    block = random_block()

    def open_stream() -> UploadStream:
        return UploadStream(
            peer.server, peer.dialect, trial.stop, target.timeout_s, block, post_bytes=post_bytes
        )

    return _run("upload", trial, peer, plan, open_stream)


def _run(way: Way, trial: Trial, peer: Peer, plan: Plan, open_stream: Callable[[], Stream]) -> Direction:
    with ExitStack() as stack:
        streams = [_opened(stack, open_stream) for _ in range(trial.target.stream_count)]
        pinger = stack.enter_context(
            LoadedPinger(
                peer.server,
                peer.dialect.empty,
                trial.stop,
                trial.target.timeout_s,
                trial.target.ping_interval_s,
            )
        )
        watcher = _Watcher(way, trial, peer, plan, pinger)
        before = peer.account.counters()
        load = Load(streams, plan, trial.stop, watcher)
        load.run()
        payload_bytes = load.settle()
        watcher.book(payload_bytes)
        after = peer.account.counters()
    return Direction(
        goodput=_goodput(load, plan),
        payload_bytes=payload_bytes,
        stream_count=len(streams),
        loaded_rtd_ms=pinger.delays_ms,
        interface_ratio=_interface_ratio(way, before, after, payload_bytes),
        budget_spent=load.budget_spent,
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

    def __init__(self, way: Way, trial: Trial, peer: Peer, plan: Plan, pinger: LoadedPinger) -> None:
        self._way = way
        self._report = trial.report
        self._book = peer.account.received if way == "download" else peer.account.sent
        self._exchanged = peer.account.exchanged
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
        self._book(payload_bytes - self._booked_bytes)
        self._booked_bytes = payload_bytes
        pings = len(self._pinger.delays_ms)
        self._exchanged((pings - self._booked_pings) * PING_BYTES)
        self._booked_pings = pings


def _goodput(load: Load, plan: Plan) -> Goodput | None:
    """Return the goodput. Raises ProbeError if nothing came in the time that counts, or no time counted."""
    found = goodput(load.samples, plan.discard_s)
    if found is not None and found.payload_bytes > 0:
        return found
    if load.budget_spent:
        return None
    raise ProbeError("timeout", f"nothing came through after the first {plan.discard_s:g} s")


def _interface_ratio(
    way: Way, before: InterfaceBytes | None, after: InterfaceBytes | None, payload_bytes: int
) -> float | None:
    """Return the interface's bytes per counted byte, None if there is nothing to compare."""
    if before is None or after is None or not payload_bytes:
        return None
    grown = after.rx_bytes - before.rx_bytes if way == "download" else after.tx_bytes - before.tx_bytes
    return round(grown / payload_bytes, 4) if grown >= 0 else None
