"""Before the load: find the server's address and dialect, measure the idle delay, look at the line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.account import is_busy
from pantau_agent.probes.speed.http.peer import DIALECTS, Peer
from pantau_agent.probes.speed.transport.errors import RefusedError
from pantau_agent.probes.speed.transport.pinger import PING_BYTES, Pinger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.http.peer import Dialect
    from pantau_agent.probes.speed.result import Findings
    from pantau_agent.probes.speed.transport.server import Server
    from pantau_agent.probes.speed.trial import Trial

_NOT_FOUND = 404


def find_peer(trial: Trial, servers: Sequence[Server]) -> Peer:
    """Return the first of the addresses that accepts a connection, and what it speaks. Raises ProbeError."""
    for server in servers[:-1]:
        try:
            return _peer(trial, server)
        except RefusedError:
            raise
        except ProbeError:
            continue
    return _peer(trial, servers[-1])


def _peer(trial: Trial, server: Server) -> Peer:
    return Peer(server=server, dialect=_dialect(trial, server))


def _dialect(trial: Trial, server: Server) -> Dialect:
    """Return the paths that the server has: the first of which it does not say 404."""
    for dialect in DIALECTS:
        with Pinger(server, dialect.empty, trial.stop, trial.target.timeout_s) as pinger:
            try:
                pinger.round_trip_ms()
            except RefusedError as error:
                if error.status != _NOT_FOUND:
                    raise
            else:
                return dialect
    raise RefusedError("no speed test answers there: HTTP 404 for every known path", _NOT_FOUND)


def measure_idle(trial: Trial, peer: Peer, account: LineAccount, findings: Findings) -> None:
    """Note the idle delays, and whether others used the line meanwhile. Raises ProbeError.

    A loopback is no line that others share, so it is never busy.
    """
    with Pinger(peer.server, peer.dialect.empty, trial.stop, trial.target.timeout_s) as pinger:
        pinger.round_trip_ms()  # opens the connection; a first answer is slower than the rest
        before, begun_s = account.counters(), time.monotonic()
        for _ in range(trial.target.idle_pings):
            findings.idle_rtd_ms.append(pinger.round_trip_ms())
            _report(trial, begun_s, findings.idle_rtd_ms[-1])
            trial.stop.sleep(trial.target.ping_interval_s)
        own_bytes = PING_BYTES * trial.target.idle_pings
        account.exchanged(own_bytes)
        busy = is_busy(before, account.counters(), own_bytes, time.monotonic() - begun_s)
        findings.busy_line = busy and not account.is_loopback


def _report(trial: Trial, begun_s: float, rtd_ms: float) -> None:
    expected_s = trial.target.idle_pings * trial.target.ping_interval_s
    trial.report(Progress("idle", time.monotonic() - begun_s, expected_s, rtd_ms=rtd_ms))
