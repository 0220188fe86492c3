"""The load of an upload: binary messages of random octets, ever larger ones, as the protocol proposes."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.ndt7.channel import Channel
from pantau_agent.probes.speed.ndt7.frames import MAX_MESSAGE_BYTES, PONG, binary_head, control_frame
from pantau_agent.probes.speed.ndt7.sent import SentFrames, counter_of
from pantau_agent.probes.speed.ndt7.url import UPLOAD_PATH

if TYPE_CHECKING:
    from pantau_agent.probes.speed.ndt7.url import Ndt7Server
    from pantau_agent.probes.speed.transport.connection import Stop

_FIRST_MESSAGE_BYTES = 1 << 13
_SCALING = 16
"""A message is at most this fraction of what was sent before it (appendix of the protocol)."""


class UploadStream:
    """The one connection of an upload; counts the payload that arrived."""

    def __init__(self, peer: Ndt7Server, stop: Stop, timeout_s: float, block: memoryview) -> None:
        """Connect. `block` holds the random octets that are sent again and again."""
        self._channel = Channel(peer, UPLOAD_PATH, stop, timeout_s, takes_binary=False)
        self._block = block
        self._frames = SentFrames()
        self._counter = counter_of(self._channel, self._frames)
        self._message_bytes = _FIRST_MESSAGE_BYTES
        self._head = memoryview(b"")
        self._left_bytes = 0
        self._sent_octets = 0
        self._sent_bytes = 0
        self.connection = self._channel.connection
        self.finished = False
        self.over = False

    @property
    def events(self) -> int:
        """Writing once the server agreed to it; reading always."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._channel.upgraded else 0)

    def begin(self) -> None:
        """Ask for the upload."""
        self._channel.begin()

    def payload_bytes(self) -> int:
        """Return the payload that arrived."""
        return self._counter.payload_bytes(self._sent_octets)

    def step(self, ready: int, limit: int) -> int:
        """Take what has come, and send once. Raises ProbeError if the server refuses."""
        if ready & selectors.EVENT_READ:
            self._read()
        return self._write(limit) if ready & selectors.EVENT_WRITE and not self.over else 0

    def settle(self) -> bool:
        """Send nothing more; tell whether all that was sent has arrived."""
        self._read()
        return self.over or self.payload_bytes() >= self._sent_bytes

    def reopen(self) -> None:
        """Never asked for: a test is one connection."""

    def _read(self) -> None:
        if not self.over:
            self._channel.read()
            self.over = self._channel.over

    def _write(self, limit: int) -> int:
        if not self._head and not self._left_bytes:
            self._next_frame()
        try:
            self._write_head()
            return self._write_payload(limit) if not self._head else 0
        except ProbeError:
            self.over = True  # the server has ended the connection, and with it the test
            return 0

    def _next_frame(self) -> None:
        """Begin the answer to a ping if there is one, or else the next message."""
        ping, self._channel.reader.ping = self._channel.reader.ping, None
        if ping is not None:
            head = control_frame(PONG, ping)
        else:
            head = binary_head(self._message_bytes)
            self._left_bytes = self._message_bytes
            self._scale()
        self._head = memoryview(head)
        self._frames.add(len(head), self._left_bytes)

    def _scale(self) -> None:
        """Double the size of later messages while they are small beside what was sent."""
        if self._message_bytes < MAX_MESSAGE_BYTES and self._message_bytes * _SCALING <= self._sent_bytes:
            self._message_bytes *= 2

    def _write_head(self) -> None:
        if self._head:
            sent = self.connection.send(self._head) or 0
            self._head = self._head[sent:]
            self._sent_octets += sent

    def _write_payload(self, limit: int) -> int:
        # The place in the block follows from what is left, so that TLS may ask for the same octets again.
        offset = -self._left_bytes % len(self._block)
        size = min(len(self._block) - offset, self._left_bytes, max(limit, 1))
        if not size:
            return 0
        sent = self.connection.send(self._block[offset : offset + size]) or 0
        self._left_bytes -= sent
        self._sent_octets += sent
        self._sent_bytes += sent
        return sent
