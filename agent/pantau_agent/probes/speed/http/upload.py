"""One stream of an upload: POST random octets, count what arrived.

What arrived is never what a socket took: buffers on this side hold megabytes. Two ways to know it:

- the kernel's TCP_INFO.tcpi_bytes_acked, sampled at any instant (Linux, without TLS), and what SACK says has
  arrived behind a lost segment, or the count would stand still at each loss; heads are subtracted;
- the answers: each POST that the server answered has arrived as a whole. Where it says a number
  (`received_bytes`, our testpoint does) it must be the number sent. Posts are then sized to take
  about half a second each, so that the count moves in fine steps.
"""

from __future__ import annotations

import json
import os
import selectors
import time
from typing import TYPE_CHECKING, Protocol

from pantau_agent.probes import tcp_info
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.transport.bodies import ResponseReader
from pantau_agent.probes.speed.transport.connection import Connection
from pantau_agent.probes.speed.transport.errors import ProtocolError
from pantau_agent.probes.speed.transport.http1 import expect_success

if TYPE_CHECKING:
    from pantau_agent.probes.speed.http.peer import Dialect
    from pantau_agent.probes.speed.transport.connection import Stop
    from pantau_agent.probes.speed.transport.server import Server

_KIB = 1024
_MIB = 1024 * _KIB
BLOCK_BYTES = 4 * _MIB
"""More than the window of any usual compression, so that sending it again and again stays incompressible.

As much as Linux buffers for a socket by default: median CPU seconds per Gbit over loopback with blocks of
0.5, 1, 2 and 4 MiB: 0.035, 0.045, 0.039, 0.032."""

_MIN_ANSWERED_BYTES = 64 * _KIB
_MAX_ANSWERED_BYTES = 64 * _MIB
_QUICK_S, _SLOW_S = 0.25, 1.0


def random_block() -> memoryview:
    """Return the octets that all streams send."""
    return memoryview(os.urandom(BLOCK_BYTES))


class Counter(Protocol):
    """Knows how much of a stream's payload has arrived."""

    def post_bytes(self) -> int:
        """Return the size for the next POST."""
        ...

    def begun(self, head_bytes: int, body_bytes: int) -> None:
        """Note that a POST begins."""
        ...

    def answered(self) -> None:
        """Note that the server has answered the POST: all of it arrived."""
        ...

    def payload_bytes(self) -> int:
        """Return what has arrived."""
        ...


class AckCounter:
    """Counts what the far end's TCP says that it has."""

    def __init__(self, connection: Connection, post_bytes: int) -> None:
        self._socket = connection.socket
        self._post_bytes = post_bytes
        self._done_bytes = 0
        self._post_begins_at = self._arrived()
        self._head_bytes = 0
        self._body_bytes = 0

    def post_bytes(self) -> int:
        """Return the size that the server takes: always the same."""
        return self._post_bytes

    def begun(self, head_bytes: int, body_bytes: int) -> None:
        """Note where head and body lie among the octets sent."""
        self._head_bytes, self._body_bytes = head_bytes, body_bytes

    def answered(self) -> None:
        """Count the whole body."""
        self._done_bytes += self._body_bytes
        self._post_begins_at += self._head_bytes + self._body_bytes
        self._head_bytes = self._body_bytes = 0

    def payload_bytes(self) -> int:
        """Return whole bodies, and as much of the present one as has arrived."""
        of_this_post = self._arrived() - self._post_begins_at - self._head_bytes
        return self._done_bytes + min(max(of_this_post, 0), self._body_bytes)

    def _arrived(self) -> int:
        info = tcp_info.read(self._socket)
        if info is None:
            raise ProtocolError("the connection ended during the upload")
        return info.bytes_acked + info.sacked_bytes


class AnswerCounter:
    """Counts POSTs that the server answered; finds the size at which one takes about half a second."""

    def __init__(self) -> None:
        self._next_bytes = _MIN_ANSWERED_BYTES
        self._body_bytes = 0
        self._begun_s = 0.0
        self._done_bytes = 0

    def post_bytes(self) -> int:
        """Return the size that the last POST's duration suggests."""
        return self._next_bytes

    def begun(self, head_bytes: int, body_bytes: int) -> None:  # noqa: ARG002 - heads never counted
        """Note size and time."""
        self._body_bytes = body_bytes
        self._begun_s = time.monotonic()

    def answered(self) -> None:
        """Count the body, and choose the next size."""
        self._done_bytes += self._body_bytes
        elapsed_s = time.monotonic() - self._begun_s
        if elapsed_s < _QUICK_S:
            self._next_bytes = min(self._next_bytes * 2, _MAX_ANSWERED_BYTES)
        elif elapsed_s > _SLOW_S:
            self._next_bytes = max(self._next_bytes // 2, _MIN_ANSWERED_BYTES)

    def payload_bytes(self) -> int:
        """Return the bodies that were answered."""
        return self._done_bytes


def counts_by_acks(connection: Connection) -> bool:
    """Tell whether the kernel knows how much payload arrived: on Linux, and without TLS in between."""
    return not connection.tls and tcp_info.read(connection.socket) is not None


class UploadStream:
    """Sends POSTs on one connection, one after the other."""

    over = False

    def __init__(
        self,
        server: Server,
        dialect: Dialect,
        stop: Stop,
        timeout_s: float,
        block: memoryview,
        *,
        post_bytes: int,
        by_acks: bool | None = None,
    ) -> None:
        """Connect. `by_acks` None chooses the better way of counting that there is."""
        self._server = server
        self._path = dialect.upload
        self._counts = dialect.counts
        self._stop = stop
        self._timeout_s = timeout_s
        self._block = block
        self._post_bytes = post_bytes
        self._by_acks = by_acks
        self._earlier_bytes = 0
        self._body_bytes = 0
        self._left_bytes = 0
        self._sent_bytes = 0
        self._ending = False
        self._reader = ResponseReader()
        self.finished = False
        self.connection = Connection.open(server, stop, timeout_s)
        self._counter = self._new_counter()

    def _new_counter(self) -> Counter:
        if self._by_acks is None:
            self._by_acks = counts_by_acks(self.connection)
        return AckCounter(self.connection, self._post_bytes) if self._by_acks else AnswerCounter()

    @property
    def events(self) -> int:
        """Writing while there is something to send; reading always: a refusal may come early."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._left_bytes else 0)

    def payload_bytes(self) -> int:
        """Return the payload that arrived."""
        return self._earlier_bytes + self._counter.payload_bytes()

    def begin(self) -> None:
        """Send the next head."""
        size = self._counter.post_bytes()
        head = self._server.post(self._path, size)
        self._reader = ResponseReader()
        self._counter.begun(len(head), size)
        self._body_bytes = self._left_bytes = size
        self.connection.send_all(head, time.monotonic() + self._timeout_s)

    def step(self, ready: int, limit: int) -> int:
        """Take what has come, or send once. Raises ProbeError if the server refuses."""
        if ready & selectors.EVENT_READ:
            self._read()
        return self._write(limit) if ready & selectors.EVENT_WRITE and self._left_bytes else 0

    def settle(self) -> bool:
        """Send nothing more, take an answer that came; tell whether all that was sent has arrived.

        Of a POST that is counted by its answer and was not sent in full, none will come.
        """
        self._ending = True
        if not self.finished:
            self._read()
        if self._by_acks:
            return self.finished or self._counter.payload_bytes() >= self._sent_bytes
        return self.finished or self._left_bytes > 0

    def _write(self, limit: int) -> int:
        # The place in the block follows from what is left, so that TLS may ask for the same octets again.
        offset = -self._left_bytes % len(self._block)
        size = min(len(self._block) - offset, self._left_bytes, max(limit, 1))
        try:
            sent = self.connection.send(self._block[offset : offset + size]) or 0
        except ProbeError:
            self._read()  # a refusal says more than the broken connection that follows it
            raise
        self._left_bytes -= sent
        self._sent_bytes += sent
        return sent

    def _read(self) -> None:
        octets = self.connection.receive()
        if octets is None:
            return
        if octets:
            self._reader.feed(octets)
        else:
            self._reader.end()
        if self._reader.head is not None:
            expect_success(self._reader.head, self._path)
        if self._reader.done:
            self._answered()

    def _answered(self) -> None:
        assert self._reader.head is not None
        if self._left_bytes:
            raise ProtocolError("the server answered before the upload ended")
        self._compare(bytes(self._reader.kept))
        self._counter.answered()
        if self._reader.head.keep_alive and not self._ending:
            self.begin()
        else:
            self.finished = True

    def _compare(self, answer: bytes) -> None:
        """Raise ProtocolError if the server says another number than was sent."""
        received = received_bytes(answer) if self._counts else None
        if received is not None and received != self._body_bytes:
            raise ProtocolError(f"the server counted {received} of {self._body_bytes} bytes")

    def reopen(self) -> None:
        """Connect again, as the server ends each connection after its response."""
        self._earlier_bytes += self._counter.payload_bytes()
        self.connection.close()
        self.connection = Connection.open(self._server, self._stop, self._timeout_s)
        self._counter = self._new_counter()
        self.finished = False
        self._sent_bytes = 0
        self.begin()


def received_bytes(answer: bytes) -> int | None:
    """Return the number that our testpoint answers with, None for servers that say nothing."""
    try:
        values = json.loads(answer)
    except ValueError:
        return None
    number = values.get("received_bytes") if isinstance(values, dict) else None
    return number if isinstance(number, int) else None
