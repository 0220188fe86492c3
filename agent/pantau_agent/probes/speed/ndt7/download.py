"""The load of a download: binary messages are counted and thrown away, pings and the close are answered."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.ndt7.channel import Channel
from pantau_agent.probes.speed.ndt7.frames import CLOSE, PONG, control_frame
from pantau_agent.probes.speed.ndt7.url import DOWNLOAD_PATH
from pantau_agent.probes.speed.transport.discard import READ_BYTES
from pantau_agent.probes.speed.transport.gap import Gap

if TYPE_CHECKING:
    from pantau_agent.probes.speed.ndt7.url import Ndt7Server
    from pantau_agent.probes.speed.transport.connection import Stop

_MAX_HEAD_BYTES = 14


class DownloadStream:
    """The one connection of a download; counts payload of binary messages only."""

    def __init__(self, peer: Ndt7Server, stop: Stop, timeout_s: float) -> None:
        """Connect."""
        self._channel = Channel(peer, DOWNLOAD_PATH, stop, timeout_s, takes_binary=True)
        self._reader = self._channel.reader
        self._reply = memoryview(b"")
        self.connection = self._channel.connection
        self._gap = Gap(self.connection.socket)
        self.finished = False
        self.over = False

    @property
    def events(self) -> int:
        """Reading; writing while an answer waits."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._reply else 0)

    def begin(self) -> None:
        """Ask for the download."""
        self._channel.begin()

    def payload_bytes(self) -> int:
        """Return the payload that has arrived, the part behind a lost segment included."""
        return self._reader.payload_bytes + self._gap.bytes_behind()

    def step(self, ready: int, limit: int) -> int:  # noqa: ARG002 - an answer goes out whenever it can
        """Take what has come, once. Raises ProbeError."""
        moved = self._take(limit)
        while self.connection.tls and 0 < moved < min(limit, READ_BYTES) and not self.over:
            more = self._take(limit - moved)  # TLS gives one record at a time
            if not more:
                break
            moved += more
        self._answer()
        return moved

    def settle(self) -> bool:
        """Nothing to wait for: what has not come by now does not count."""
        return True

    def reopen(self) -> None:
        """Never asked for: a test is one connection."""

    def _take(self, limit: int) -> int:
        if self.over:
            return 0
        before = self._reader.payload_bytes
        if self._reader.skippable:
            self._channel.discard(max(limit, 1))
        else:
            self._channel.read(max(limit, 1) + _MAX_HEAD_BYTES)
        self.over = self._channel.over
        moved = self._reader.payload_bytes - before
        if self._channel.upgraded and not self.over:
            # More messages follow this one; what ends the test is read with the next sample at the latest.
            self.connection.expect(limit - moved)
        return moved

    def _answer(self) -> None:
        if not self._reply:
            self._reply = self._next_reply()
        if self._reply:
            try:
                self._reply = self._reply[self.connection.send(self._reply) or 0 :]
            except ProbeError:
                self.over = True

    def _next_reply(self) -> memoryview:
        """Return the answer to the latest ping, and to a close (RFC 6455, sections 5.5.1 and 5.5.3)."""
        ping, self._reader.ping = self._reader.ping, None
        replies = control_frame(PONG, ping) if ping is not None else b""
        if self._reader.closed:
            replies += control_frame(CLOSE, b"")
        return memoryview(replies)
