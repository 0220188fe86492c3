"""One connection to an ndt7 server, from its upgrade to its end.

An end that comes without a close frame, or a broken connection, ends the test and does not fail it, as the
protocol wants it; whether enough was measured by then is for others to judge.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.ndt7.frames import FrameReader
from pantau_agent.probes.speed.ndt7.handshake import Upgrade
from pantau_agent.probes.speed.transport.connection import Connection
from pantau_agent.probes.speed.transport.discard import COPY_BYTES
from pantau_agent.probes.speed.transport.errors import ProtocolError

if TYPE_CHECKING:
    from pantau_agent.probes.speed.ndt7.url import Ndt7Server
    from pantau_agent.probes.speed.transport.connection import Stop


class Channel:
    """Reads what the server sends. Raises ProbeError, but not for the end of a test that had begun."""

    def __init__(
        self, peer: Ndt7Server, path: str, stop: Stop, timeout_s: float, *, takes_binary: bool
    ) -> None:
        """Connect; the upgrade is asked for by `begin`, for with it the server's test begins."""
        self._upgrade = Upgrade(peer, path)
        self._timeout_s = timeout_s
        self.reader = FrameReader(takes_binary=takes_binary)
        self.over = False
        self.connection = Connection.open(peer.server, stop, timeout_s)

    @property
    def upgraded(self) -> bool:
        """Whether the connection speaks WebSocket by now."""
        return self._upgrade.done

    @property
    def request_bytes(self) -> int:
        """Octets sent before the first frame."""
        return len(self._upgrade.request)

    def begin(self) -> None:
        """Ask for the upgrade."""
        self.connection.send_all(self._upgrade.request, time.monotonic() + self._timeout_s)

    def read(self, limit: int = COPY_BYTES) -> None:
        """Take octets that have come, once."""
        try:
            octets = self.connection.receive(limit)
        except ProbeError as error:
            self._end_with(error)
            return
        if octets:
            self._feed(octets)
        elif octets is not None:
            self._end()

    def discard(self, limit: int) -> None:
        """Throw away octets that are payload for certain, once; at most `limit`."""
        try:
            count = self.connection.discard(min(self.reader.skippable, limit))
        except ProbeError as error:
            self._end_with(error)
            return
        if count:
            self.reader.skip(count)
        elif count == 0:
            self._end()

    def _end(self) -> None:
        self._end_with(ProtocolError("the connection closed before an answer came"))

    def _end_with(self, error: ProbeError) -> None:
        """Take the end of the connection; `error` is what it means before the upgrade."""
        if not self.upgraded:
            raise error
        self.over = True

    def _feed(self, octets: memoryview) -> None:
        rest = octets if self.upgraded else self._upgrade.feed(octets)
        self.reader.feed(rest)
        self.over = self.reader.closed
