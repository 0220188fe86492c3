"""Round trips by TCP handshakes: what any server allows, and what its program has no part in.

Each is a connection of its own, reset as soon as it stands; nothing is sent on it, and TLS is left out.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from pantau_agent.probes.speed.transport.connection import Connection

if TYPE_CHECKING:
    from pantau_agent.probes.speed.transport.connection import Stop
    from pantau_agent.probes.speed.transport.server import Server


class ConnectPinger:
    """Connects to the server's port again and again."""

    each_way_bytes = 74 + 66 + 54
    """SYN, ACK and RST as an interface counts them; what comes back is a little less."""

    def __init__(self, server: Server, stop: Stop, timeout_s: float) -> None:
        self._server = replace(server, tls=None)
        self._stop = stop
        self._timeout_s = timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays open."""

    def connect(self) -> None:
        """Nothing to do before the first round trip."""

    def round_trip_ms(self) -> float:
        """Return the time from SYN to SYN+ACK, in ms. Raises ProbeError."""
        begun_s = time.perf_counter()
        with Connection.open(self._server, self._stop, self._timeout_s):
            return round((time.perf_counter() - begun_s) * 1000, 3)
