"""The engine `speedtest`: a server that speedtest.net lists, measured by the streams of our engine `http`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pantau_agent.probes.speed.http.engine import HttpTest
from pantau_agent.probes.speed.http.peer import POST_BYTES, Dialect, find_peer
from pantau_agent.probes.speed.patience import Patience
from pantau_agent.probes.speed.speedtest import library
from pantau_agent.probes.speed.speedtest.finding import find

if TYPE_CHECKING:
    from pantau_agent.probes.speed.trial import Trial

LEGACY = Dialect(
    garbage="/random4000x4000.jpg",
    empty="/latency.txt",
    upload="/upload.php",
    sized=False,
    counts=False,
    post_bytes=POST_BYTES[1:],
)
"""The endpoints that speedtest-cli uses. Some servers answer every upload with the same `size=500`."""


class SpeedtestEngine:
    """Finds by speedtest-cli, measures itself."""

    def unavailable(self) -> str | None:
        """Return what to install, None if speedtest-cli is there."""
        return library.unavailable()

    def prepare(self, trial: Trial) -> HttpTest:
        """Find the server, and see that it answers. Raises ProbeError and StoppedError."""
        found = find(trial)
        dialect = replace(LEGACY, upload=found.upload_path)
        patience = Patience(trial)
        peer = patience.call(lambda: find_peer(trial, found.addresses, (dialect,)))
        return HttpTest(trial, peer, patience)
