"""Where payload lies among the octets sent, and how much of it has arrived."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.probes import tcp_info
from pantau_agent.probes.speed.ndt7.measurement import received_octets, received_payload_bytes

if TYPE_CHECKING:
    from pantau_agent.probes.speed.ndt7.channel import Channel

_TLS_RECORD_BYTES, _TLS_PAYLOAD_BYTES = 16_406, 16_384
"""A full record of TLS 1.3 with AES-GCM, and what it carries (RFC 8446, section 5.2)."""


class _Frame(NamedTuple):
    payload_begins_at: int
    ends_at: int


class SentFrames:
    """The frames sent so far, as positions in the stream of octets behind the upgrade."""

    def __init__(self) -> None:
        self._frames: deque[_Frame] = deque()
        self._arrived_bytes = 0
        self.ends_at = 0

    def add(self, head_bytes: int, payload_bytes: int) -> None:
        """Note the next frame; one without payload that counts has none."""
        begins_at = self.ends_at + head_bytes
        self.ends_at = begins_at + payload_bytes
        self._frames.append(_Frame(begins_at, self.ends_at))

    def payload_before(self, position: int) -> int:
        """Return the payload that lies before a position; positions never go back."""
        while self._frames and self._frames[0].ends_at <= position:
            frame = self._frames.popleft()
            self._arrived_bytes += frame.ends_at - frame.payload_begins_at
        of_next = position - self._frames[0].payload_begins_at if self._frames else 0
        return self._arrived_bytes + max(of_next, 0)


class AckCounter:
    """Counts what the far end's TCP says that it has: all that was sent, but what still waits for it.

    With TLS the waiting octets hold 0.13% that is not ours; so small a part of the waiting is let pass.
    """

    def __init__(self, channel: Channel, frames: SentFrames) -> None:
        self._socket = channel.connection.socket
        self._frames = frames
        self._position = 0

    def payload_bytes(self, sent_octets: int) -> int:
        """Return the payload that arrived of `sent_octets` that the socket took."""
        waiting = tcp_info.unacknowledged_bytes(self._socket)
        info = tcp_info.read(self._socket)
        if waiting is not None and info is not None:
            arrived = min(sent_octets - waiting + info.sacked_bytes, sent_octets)
            self._position = max(self._position, arrived)
        return self._frames.payload_before(self._position)


class SaidCounter:
    """Counts what the server says that it received: payload, or else octets, from which framing is taken."""

    def __init__(self, channel: Channel, frames: SentFrames) -> None:
        self._channel = channel
        self._frames = frames
        self._position = 0
        self._payload_bytes = 0

    def payload_bytes(self, sent_octets: int) -> int:
        """Return the payload that the latest message speaks of; never more than was sent."""
        text = self._channel.reader.text
        if text is not None:
            self._payload_bytes = max(self._payload_bytes, self._said(text, sent_octets))
        return self._payload_bytes

    def _said(self, text: bytes, sent_octets: int) -> int:
        said = received_payload_bytes(text)
        if said is not None:
            return min(said, sent_octets)
        octets = received_octets(text) or 0
        if self._channel.connection.tls:
            octets = octets * _TLS_PAYLOAD_BYTES // _TLS_RECORD_BYTES
        self._position = max(self._position, min(octets - self._channel.request_bytes, sent_octets))
        return self._frames.payload_before(self._position)


def counter_of(channel: Channel, frames: SentFrames) -> AckCounter | SaidCounter:
    """Return the better way of counting that there is: on Linux the kernel knows."""
    knows = tcp_info.unacknowledged_bytes(channel.connection.socket) is not None
    return AckCounter(channel, frames) if knows else SaidCounter(channel, frames)
