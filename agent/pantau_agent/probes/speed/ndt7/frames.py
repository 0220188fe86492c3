"""WebSocket frames (RFC 6455, section 5): those of a server taken apart, those of a client put together.

No input or output here. Payload of binary messages is only counted: it may be thrown away unseen.
"""

from __future__ import annotations

import os

from pantau_agent.probes.speed.transport.errors import ProtocolError

MAX_MESSAGE_BYTES = 1 << 24
"""The largest binary message that ndt7 allows."""
_MAX_TEXT_BYTES = 64 * 1024
_MAX_CONTROL_BYTES = 125
_MAX_IDLE_FRAMES = 2000
"""Frames without payload that counts, in one test: ndt7 allows about ten messages and pings a second."""

_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _RESERVED, _OPCODE, _CONTROL = 0x80, 0x70, 0x0F, 0x08
_MASKED, _LENGTH = 0x80, 0x7F
_LENGTH_16, _LENGTH_64 = 126, 127
_SHORT_HEAD_BYTES = 2
_EXTRA_BYTES = {_LENGTH_16: 2, _LENGTH_64: 8}
_MASK_BYTES = 4


class FrameReader:
    """Takes octets as they come. Raises ProtocolError for what a server of ndt7 never sends.

    `payload_bytes` of binary messages came so far; `text` is the latest whole text message, `ping` the
    latest ping not yet answered, `closed` whether a close frame came.
    """

    def __init__(self, *, takes_binary: bool) -> None:
        """Refuse binary messages unless `takes_binary`: in an upload the server sends none."""
        self._takes_binary = takes_binary
        self._head = bytearray()
        self._opcode = 0
        self._final = True
        self._message: int | None = None
        self._message_bytes = 0
        self._left = 0
        self._idle_frames = 0
        self._text = bytearray()
        self._control = bytearray()
        self.payload_bytes = 0
        self.text: bytes | None = None
        self.ping: bytes | None = None
        self.closed = False

    @property
    def skippable(self) -> int:
        """How many of the next octets are payload for certain."""
        return self._left if self._opcode == BINARY else 0

    def skip(self, count: int) -> None:
        """Count payload that was thrown away unseen."""
        self.payload_bytes += count
        self._left -= count
        if not self._left:
            self._end_frame()

    def feed(self, octets: memoryview) -> None:
        """Take received octets; what follows a close frame is ignored (section 5.5.1)."""
        while octets and not self.closed:
            octets = self._feed_payload(octets) if self._left else self._feed_head(octets)

    def _feed_payload(self, octets: memoryview) -> memoryview:
        mine, rest = octets[: self._left], octets[self._left :]
        if self._opcode == BINARY:
            self.skip(len(mine))
            return rest
        (self._text if self._opcode == TEXT else self._control).extend(mine)
        self._left -= len(mine)
        if not self._left:
            self._end_frame()
        return rest

    def _feed_head(self, octets: memoryview) -> memoryview:
        missing = _head_bytes(self._head) - len(self._head)
        self._head += octets[:missing]
        if len(self._head) == _head_bytes(self._head):
            head = bytes(self._head)
            self._head.clear()
            self._begin_frame(head[0], head[1], head[_SHORT_HEAD_BYTES:])
        return octets[missing:]

    def _begin_frame(self, first: int, second: int, extra: bytes) -> None:
        if first & _RESERVED:
            raise ProtocolError(f"a WebSocket frame with reserved bits: {first:#04x}")
        if second & _MASKED:
            raise ProtocolError("the server masks its WebSocket frames")
        self._final = bool(first & _FINAL)
        self._left = int.from_bytes(extra, "big") if extra else second & _LENGTH
        opcode = first & _OPCODE
        if opcode & _CONTROL:
            self._begin_control(opcode)
        else:
            self._begin_data(opcode)
        self._count_idle()
        if not self._left:
            self._end_frame()

    def _begin_control(self, opcode: int) -> None:
        if opcode not in (CLOSE, PING, PONG):
            raise ProtocolError(f"a WebSocket frame of unknown kind: {opcode:#x}")
        if not self._final or self._left > _MAX_CONTROL_BYTES:
            raise ProtocolError("a WebSocket control frame in pieces or too long")
        self._opcode = opcode
        self._control.clear()

    def _begin_data(self, opcode: int) -> None:
        """Begin a message, or continue the one that came in pieces so far."""
        if (opcode == _CONTINUATION) != (self._message is not None):
            raise ProtocolError("WebSocket messages in pieces that do not fit together")
        if opcode != _CONTINUATION:
            self._begin_message(opcode)
        assert self._message is not None
        self._opcode = self._message
        self._message_bytes += self._left
        limit = MAX_MESSAGE_BYTES if self._opcode == BINARY else _MAX_TEXT_BYTES
        if self._message_bytes > limit:
            raise ProtocolError(f"a WebSocket message of more than {limit} bytes")

    def _begin_message(self, opcode: int) -> None:
        if opcode not in (TEXT, BINARY):
            raise ProtocolError(f"a WebSocket frame of unknown kind: {opcode:#x}")
        if opcode == BINARY and not self._takes_binary:
            raise ProtocolError("the server sends binary messages during an upload")
        self._message = opcode
        self._message_bytes = 0
        self._text.clear()

    def _count_idle(self) -> None:
        if self._opcode == BINARY and self._left:
            return
        self._idle_frames += 1
        if self._idle_frames > _MAX_IDLE_FRAMES:
            raise ProtocolError(f"more than {_MAX_IDLE_FRAMES} WebSocket frames without payload")

    def _end_frame(self) -> None:
        if self._opcode == PING:
            self.ping = bytes(self._control)
        elif self._opcode == CLOSE:
            self.closed = True
        elif self._opcode != PONG and self._final:
            self._end_message()
        self._opcode = _CONTINUATION

    def _end_message(self) -> None:
        if self._message == TEXT:
            self.text = bytes(self._text)
        self._message = None


def _head_bytes(head: bytearray) -> int:
    """Return how long a server's frame head is that begins so."""
    if len(head) < _SHORT_HEAD_BYTES:
        return _SHORT_HEAD_BYTES
    return _SHORT_HEAD_BYTES + _EXTRA_BYTES.get(head[1] & _LENGTH, 0)


def binary_head(size: int) -> bytes:
    """Return the head of a client's binary message of `size` octets, with a mask of its own.

    The mask is random, and so are the octets that follow: masked or not, they are random, so that any random
    block may be sent as it is, again and again.
    """
    return bytes([_FINAL | BINARY]) + _length(size) + os.urandom(_MASK_BYTES)


def control_frame(opcode: int, payload: bytes) -> bytes:
    """Return a client's control frame, masked as section 5.3 wants it."""
    mask = os.urandom(_MASK_BYTES)
    masked = bytes(octet ^ mask[at % _MASK_BYTES] for at, octet in enumerate(payload))
    return bytes([_FINAL | opcode]) + _length(len(payload)) + mask + masked


def _length(size: int) -> bytes:
    if size < _LENGTH_16:
        return bytes([_MASKED | size])
    if size < 1 << 16:
        return bytes([_MASKED | _LENGTH_16]) + size.to_bytes(2, "big")
    return bytes([_MASKED | _LENGTH_64]) + size.to_bytes(8, "big")
