"""Round trips on a connection of their own: small GET requests on a warm connection, one at a time.

The delay includes what the server needs to answer an empty request. Before the load it is the idle delay,
during the load the loaded delay (draft-ietf-ippm-responsiveness measures the same way).
"""

from __future__ import annotations

import selectors
import threading
import time
from typing import TYPE_CHECKING, Protocol, Self

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.transport.bodies import ResponseReader
from pantau_agent.probes.speed.transport.connection import Connection
from pantau_agent.probes.speed.transport.errors import ProtocolError, StoppedError
from pantau_agent.probes.speed.transport.http1 import expect_success

if TYPE_CHECKING:
    from pantau_agent.probes.speed.transport.connection import Stop
    from pantau_agent.probes.speed.transport.server import Server

PING_BYTES = 700
"""About what one request and its answer weigh each way, with heads and acknowledgements."""

_GRACE_S = 1.0
_LINE_SHARE = 0.005
_MAX_INTERVAL_S = 1.0
_BITS = 8


class RoundTrips(Protocol):
    """A way to measure one round trip after the other."""

    each_way_bytes: int
    """About what one of them weighs on the line, each way."""

    def connect(self) -> object:
        """Do what need not be measured. Raises ProbeError."""
        ...

    def round_trip_ms(self) -> float:
        """Return one round trip's time in ms. Raises ProbeError."""
        ...

    def __exit__(self, *_: object) -> None: ...


class Pinger:
    """Asks for `path` again and again; connects anew when the server ended the connection."""

    each_way_bytes = PING_BYTES

    def __init__(self, server: Server, path: str, stop: Stop, timeout_s: float) -> None:
        self._server = server
        self._path = path
        self._stop = stop
        self._timeout_s = timeout_s
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def connect(self) -> Connection:
        """Return the connection, opened now if there is none. Raises ProbeError."""
        if self._connection is None:
            self._connection = Connection.open(self._server, self._stop, self._timeout_s)
        return self._connection

    def round_trip_ms(self) -> float:
        """Return the time from sending a request to the end of its answer, in ms. Raises ProbeError."""
        connection = self.connect()
        deadline_s = time.monotonic() + self._timeout_s
        begun_s = time.perf_counter()
        connection.send_all(self._server.get(self._path), deadline_s)
        reader = _receive(connection, deadline_s)
        elapsed_ms = (time.perf_counter() - begun_s) * 1000
        assert reader.head is not None
        if not reader.head.keep_alive:
            self._close()
        expect_success(reader.head, self._path)
        _expect_no_page(reader, self._path)
        return round(elapsed_ms, 3)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _expect_no_page(reader: ResponseReader, path: str) -> None:
    """Raise ProtocolError for a web page: login pages and such answer 200 to whatever is asked for."""
    assert reader.head is not None
    if reader.payload_bytes and reader.head.headers.get("content-type", "").startswith("text/html"):
        raise ProtocolError(f"a web page answers for {path}, no speed test")


def _receive(connection: Connection, deadline_s: float) -> ResponseReader:
    reader = ResponseReader()
    while not reader.done:
        octets = connection.receive()
        if octets is None:
            connection.wait(selectors.EVENT_READ, deadline_s, "wait for an answer")
        elif octets:
            reader.feed(octets)
        else:
            reader.end()
    return reader


class LoadedPinger:
    """Pings in a thread of its own while a context lasts; `delays_ms` holds what it saw.

    On a slow line it pings less often, lest the pings take what is measured: four a second took 0.7% of
    2 Mbit/s. A ping on its way when the load ends was sent under load and is waited for, a second at most.
    A ping that fails ends the series: the load itself reports a broken server.
    """

    def __init__(self, pinger: RoundTrips, interval_s: float) -> None:
        self._pinger = pinger
        self._interval_s = self._least_interval_s = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pantau-loaded-pinger", daemon=True)
        self.delays_ms: list[float] = []

    def __enter__(self) -> Self:
        """Connect before the load begins, so that the handshake is not measured. Raises ProbeError."""
        self._pinger.connect()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(_GRACE_S)
        self._pinger.__exit__()
        self._thread.join()

    @property
    def each_way_bytes(self) -> int:
        """About what one ping weighs on the line, each way."""
        return self._pinger.each_way_bytes

    def spare(self, rate_bps: float | None) -> None:
        """Ping only as often as takes half a percent of a line of this rate, but each second at least."""
        if rate_bps:
            needed_s = min(self.each_way_bytes * _BITS / (rate_bps * _LINE_SHARE), _MAX_INTERVAL_S)
            self._interval_s = max(self._least_interval_s, needed_s)

    def _run(self) -> None:
        try:
            while not self._over.wait(self._interval_s):
                self.delays_ms.append(self._pinger.round_trip_ms())
        except (ProbeError, StoppedError, ValueError):
            self._over.set()  # ValueError: the socket was closed under us when the grace was over
