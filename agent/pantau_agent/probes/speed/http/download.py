"""One stream of a download: GET garbage, again and again on the same connection, payload thrown away."""

from __future__ import annotations

import selectors
import time
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.http.peer import MAX_GARBAGE_MIB
from pantau_agent.probes.speed.transport.bodies import ResponseReader
from pantau_agent.probes.speed.transport.connection import Connection
from pantau_agent.probes.speed.transport.discard import READ_BYTES
from pantau_agent.probes.speed.transport.gap import Gap
from pantau_agent.probes.speed.transport.http1 import expect_success

if TYPE_CHECKING:
    from pantau_agent.probes.speed.http.peer import Dialect
    from pantau_agent.probes.speed.transport.connection import Stop
    from pantau_agent.probes.speed.transport.server import Server

_MIB = 1024 * 1024


class DownloadStream:
    """Receives responses on one connection; counts payload only."""

    events = selectors.EVENT_READ
    over = False

    def __init__(
        self, server: Server, dialect: Dialect, stop: Stop, timeout_s: float, share_bytes: int | None
    ) -> None:
        """Connect and ask for garbage: as much as goes at once, or `share_bytes` rounded up to MiB."""
        size_mib = MAX_GARBAGE_MIB if share_bytes is None else min(-(-share_bytes // _MIB), MAX_GARBAGE_MIB)
        self._path = dialect.download(max(size_mib, 1))
        self._server = server
        self._stop = stop
        self._timeout_s = timeout_s
        self._reader = ResponseReader()
        self._payload_bytes = 0
        self._served = False
        self.finished = False
        self.connection = Connection.open(server, stop, timeout_s)
        self._gap = Gap(self.connection.socket)

    def begin(self) -> None:
        """Send the next request."""
        self._reader = ResponseReader()
        self.connection.send_all(self._server.get(self._path), time.monotonic() + self._timeout_s)

    def payload_bytes(self) -> int:
        """Return the payload that has arrived, the part behind a lost segment included."""
        return self._payload_bytes + self._gap.bytes_behind()

    def step(self, ready: int, limit: int) -> int:  # noqa: ARG002 - a download only ever reads
        """Take what has come, once. Raises ProbeError for a head that is no success, and for no HTTP."""
        moved = self._take(limit)
        while self.connection.tls and 0 < moved < min(limit, READ_BYTES) and not self.finished:
            more = self._take(limit - moved)  # TLS gives one record at a time
            if not more:
                break
            moved += more
        return moved

    def _take(self, limit: int) -> int:
        before = self._reader.payload_bytes
        if self._reader.skippable:
            self._discard(limit)
        else:
            self._read()
        moved = self._reader.payload_bytes - before
        self._payload_bytes += moved
        if self._reader.done:
            self._next()
        if not self.finished:
            self.connection.expect(min(self._reader.skippable, limit - moved))
        return moved

    def settle(self) -> bool:
        """Nothing to wait for: what has not come by now does not count."""
        return True

    def _discard(self, limit: int) -> None:
        count = self.connection.discard(min(self._reader.skippable, max(limit, 1)))
        if count:
            self._reader.skip(count)
        elif count == 0:
            self._reader.end()

    def _read(self) -> None:
        try:
            octets = self.connection.receive()
        except ProbeError:
            if not self._may_reopen():
                raise
            self.finished = True
            return
        if octets is None:
            return
        if not octets:
            self._take_end()
            return
        self._reader.feed(octets)
        if self._reader.head is not None:
            expect_success(self._reader.head, self._path)

    def _take_end(self) -> None:
        if self._may_reopen():
            self.finished = True
        else:
            self._reader.end()

    def _may_reopen(self) -> bool:
        """Tell whether the server only ended a connection that had served (RFC 9112, section 9.3.1)."""
        return self._served and self._reader.untouched

    def _next(self) -> None:
        self._served = True
        assert self._reader.head is not None
        if self._reader.head.keep_alive:
            self.begin()
        else:
            self.finished = True

    def reopen(self) -> None:
        """Connect again, as the server ends each connection after its response."""
        self.connection.close()
        self.connection = Connection.open(self._server, self._stop, self._timeout_s)
        self._gap = Gap(self.connection.socket)
        self.finished = self._served = False
        self.begin()
