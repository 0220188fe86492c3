"""Finding the server: the one that is configured, or the one of the nearest that answers fastest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_agent.probes.base import Progress
from pantau_agent.probes.speed.account import LineAccount
from pantau_agent.probes.speed.speedtest.library import Line, ping_ms, run_helper
from pantau_agent.probes.speed.transport.errors import ProtocolError
from pantau_agent.probes.speed.transport.server import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.probes.speed.child import Child
    from pantau_agent.probes.speed.transport.server import Server
    from pantau_agent.probes.speed.trial import Trial

_FIND_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """A server: its id, the folder of its endpoints resolved, and the name of what takes uploads."""

    server_id: int
    addresses: Sequence[Server]
    upload_path: str


def find(trial: Trial) -> Found:
    """Ask speedtest.net; blocks. What that weighs is booked. Raises ProbeError and StoppedError."""
    finder = _Finder(trial)
    try:
        run_helper(trial.stop, _FIND_TIMEOUT_S, finder.take, "find", trial.target.server_id or 0)
        found = finder.found()
    except BaseException:
        trial.test_traffic.add(None, rx_bytes=finder.received_bytes)
        raise
    LineAccount(found.addresses[0].sockaddr, trial.test_traffic).received(finder.received_bytes)
    return found


class _Finder:
    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._begun_s = time.monotonic()
        self._url = ""
        self._server_id = ""
        self.received_bytes = 0

    def take(self, line: Line, _child: Child) -> None:
        self.received_bytes = int(line["received_bytes"])
        self._trial.report(Progress("idle", time.monotonic() - self._begun_s, _FIND_TIMEOUT_S))
        if "server" in line:
            self._url, self._server_id = line["server"]["url"], line["server"]["id"]
            ping_ms(line)

    def found(self) -> Found:
        folder, slash, name = self._url.rpartition("/")
        if not slash or not self._server_id.isdigit():
            raise ProtocolError(f"speedtest.net names no server: {self._url!r}")
        return Found(int(self._server_id), resolve(folder), f"/{name}")
