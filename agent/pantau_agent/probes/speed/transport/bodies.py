"""Where a response's payload begins and ends: by length, in chunks, or until the connection closes.

A body is fed with what was received. `skippable` octets are payload for certain: they may be thrown away
unseen and reported with `skip`. What is fed is returned as far as it lies behind the body's end.
"""

from __future__ import annotations

import re
from typing import Protocol

from pantau_agent.probes.speed.transport.errors import ProtocolError
from pantau_agent.probes.speed.transport.http1 import MAX_HEAD_BYTES, Head, parse_head

_MAX_KEPT_BYTES = 64 * 1024
_MAX_CHUNK_LINE_BYTES = 1024
_UNLIMITED = 1 << 62
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")


class Body(Protocol):
    """The payload of one response."""

    payload_bytes: int

    @property
    def done(self) -> bool:
        """Whether all of it came."""
        ...

    @property
    def skippable(self) -> int:
        """How many of the next octets are payload for certain."""
        ...

    def skip(self, count: int) -> None:
        """Count octets that were thrown away unseen."""
        ...

    def feed(self, octets: memoryview, keep: bytearray) -> memoryview:
        """Take octets, append the payload to `keep` while it is small, return what is left behind the end."""
        ...

    def end(self) -> None:
        """Take the end of the connection. Raises ProtocolError if the body is not complete."""
        ...


def _keep(octets: memoryview, keep: bytearray) -> None:
    keep += octets[: max(_MAX_KEPT_BYTES - len(keep), 0)]


class SizedBody:
    """A body whose length the head told."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.payload_bytes = 0

    @property
    def done(self) -> bool:
        """Whether all of it came."""
        return self.payload_bytes >= self._size

    @property
    def skippable(self) -> int:
        """All that is left."""
        return self._size - self.payload_bytes

    def skip(self, count: int) -> None:
        """Count octets that were thrown away."""
        self.payload_bytes += count

    def feed(self, octets: memoryview, keep: bytearray) -> memoryview:
        """Take octets up to the size."""
        mine, rest = octets[: self.skippable], octets[self.skippable :]
        _keep(mine, keep)
        self.payload_bytes += len(mine)
        return rest

    def end(self) -> None:
        """Raise ProtocolError if octets are missing."""
        if not self.done:
            raise ProtocolError(f"the connection closed after {self.payload_bytes} of {self._size} bytes")


class EndlessBody:
    """A body that ends with the connection (RFC 9112, section 6.3, rule 8)."""

    skippable = _UNLIMITED

    def __init__(self) -> None:
        self.payload_bytes = 0
        self.done = False

    def skip(self, count: int) -> None:
        """Count octets that were thrown away."""
        self.payload_bytes += count

    def feed(self, octets: memoryview, keep: bytearray) -> memoryview:
        """Take all octets."""
        _keep(octets, keep)
        self.payload_bytes += len(octets)
        return octets[:0]

    def end(self) -> None:
        """Note the end."""
        self.done = True


class ChunkedBody:
    """A body in chunks: a line with the size in hex, the octets, an empty line; the last has size 0."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._reads_line = True
        self._in_trailers = False
        self._after_chunk = False
        self.skippable = 0
        self.payload_bytes = 0
        self.done = False

    def skip(self, count: int) -> None:
        """Count octets of the present chunk that were thrown away."""
        self.payload_bytes += count
        self.skippable -= count
        if not self.skippable:
            self._after_chunk = True

    def feed(self, octets: memoryview, keep: bytearray) -> memoryview:
        """Take octets, chunk by chunk."""
        while octets and not self.done:
            if self.skippable:
                mine, octets = octets[: self.skippable], octets[self.skippable :]
                _keep(mine, keep)
                self.skip(len(mine))
            else:
                octets = self._feed_line(octets)
        return octets

    def end(self) -> None:
        """Raise ProtocolError if the last chunk did not come."""
        if not self.done:
            raise ProtocolError(f"the connection closed inside a chunked body of {self.payload_bytes} bytes")

    def _feed_line(self, octets: memoryview) -> memoryview:
        head = bytes(octets[:_MAX_CHUNK_LINE_BYTES])
        at = head.find(b"\n")
        self._line += head if at < 0 else head[: at + 1]
        if len(self._line) > _MAX_CHUNK_LINE_BYTES:
            raise ProtocolError("a chunk's size line is too long")
        if at >= 0:
            self._take_line(bytes(self._line).rstrip(b"\r\n"))
            self._line.clear()
        return octets[len(head) if at < 0 else at + 1 :]

    def _take_line(self, line: bytes) -> None:
        if self._in_trailers:
            self.done = not line
        elif self._after_chunk:
            if line:
                raise ProtocolError("a chunk is longer than its size")
            self._after_chunk = False
        else:
            self.skippable = _chunk_size(line)
            self._in_trailers = not self.skippable


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not _HEX.fullmatch(digits):
        raise ProtocolError(f"no chunk size: {line[:20]!r}")
    return int(digits, 16)


def body_of(head: Head) -> Body:
    """Return the body that a response's head announces (RFC 9112, section 6.3)."""
    if head.chunked:
        return ChunkedBody()
    length = head.content_length
    return EndlessBody() if length is None else SizedBody(length)


class ResponseReader:
    """Reads one response: its head, then its body. Raises ProtocolError for anything that is no HTTP."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.head: Head | None = None
        self.body: Body | None = None
        self.kept = bytearray()

    @property
    def done(self) -> bool:
        """Whether the whole response came."""
        return self.body is not None and self.body.done

    @property
    def untouched(self) -> bool:
        """Whether not one octet came yet."""
        return self.body is None and not self._buffer

    @property
    def skippable(self) -> int:
        """How many of the next octets are payload for certain."""
        return self.body.skippable if self.body is not None else 0

    @property
    def payload_bytes(self) -> int:
        """Octets of payload that came so far."""
        return self.body.payload_bytes if self.body is not None else 0

    def skip(self, count: int) -> None:
        """Count payload that was thrown away unseen."""
        assert self.body is not None
        self.body.skip(count)

    def feed(self, octets: memoryview) -> None:
        """Take received octets. Raises ProtocolError, also for octets behind the end."""
        if self.body is None:
            octets = self._feed_head(octets)
        if self.body is not None and self.body.feed(octets, self.kept):
            raise ProtocolError("the response is longer than it says")

    def end(self) -> None:
        """Take the end of the connection. Raises ProtocolError if the response is not complete."""
        if self.body is None:
            raise ProtocolError("the connection closed before an answer came")
        self.body.end()

    def _feed_head(self, octets: memoryview) -> memoryview:
        """Collect heads until the final one is there; return what follows it."""
        self._buffer += octets
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if not head.interim:
                self.head, self.body = head, body_of(head)
                return memoryview(bytes(self._buffer))
        self._check_beginning()
        return octets[:0]

    def _check_beginning(self) -> None:
        beginning = bytes(self._buffer[:5])
        if not b"HTTP/".startswith(beginning[:5]) or len(self._buffer) > MAX_HEAD_BYTES:
            raise ProtocolError(f"no HTTP response: {bytes(self._buffer[:40])!r}")
