"""WebSocket frames: whatever the pieces that the network cuts them into, the payload is the same."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side

from pantau_agent.probes.speed.ndt7.frames import (
    CLOSE,
    PONG,
    FrameReader,
    binary_head,
    control_frame,
)
from pantau_agent.probes.speed.ndt7.measurement import received_octets, received_payload_bytes
from pantau_agent.probes.speed.transport.errors import ProtocolError

sizes = st.integers(0, 300) | st.integers(65_530, 65_540)
messages = st.tuples(st.sampled_from([Opcode.BINARY, Opcode.TEXT, Opcode.PING]), sizes)
MOST_BYTES = {Opcode.BINARY: 70_000, Opcode.TEXT: 60_000, Opcode.PING: 125}


def frames_of(opcode: Opcode, payload: bytes, pieces: int) -> list[Frame]:
    """Return a message as a server sends it: data in pieces, pings whole."""
    if opcode == Opcode.PING:
        return [Frame(opcode, payload)]
    size = -(-len(payload) // pieces) or 1
    cut = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    opcodes = [opcode, *[Opcode.CONT] * (len(cut) - 1)]
    return [
        Frame(op, part, fin=at == len(cut) - 1)
        for at, (op, part) in enumerate(zip(opcodes, cut, strict=True))
    ]


def read(octets: bytes, cuts: list[int], *, skip: bool) -> FrameReader:
    """Feed `octets` cut at `cuts`; with `skip`, payload is thrown away unseen where the reader allows it."""
    reader = FrameReader(takes_binary=True)
    edges = [0, *sorted(cut for cut in cuts if cut < len(octets)), len(octets)]
    for start, end in pairwise(edges):
        piece = memoryview(octets[start:end])
        while piece:
            count = min(len(piece), reader.skippable) if skip else 0
            if count:
                reader.skip(count)
            else:
                count = min(len(piece), 7) if skip else len(piece)
                reader.feed(piece[:count])
            piece = piece[count:]
    return reader


@given(st.lists(messages, max_size=6), st.integers(1, 3), st.lists(st.integers(1, 3000)), st.booleans())
def test_messages_are_read_however_they_are_cut(
    wanted: list[tuple[Opcode, int]], pieces: int, cuts: list[int], skip: bool
) -> None:
    sent = [(opcode, bytes(min(size, MOST_BYTES[opcode]))) for opcode, size in wanted]
    frames = [frame for opcode, payload in sent for frame in frames_of(opcode, payload, pieces)]
    octets = b"".join(frame.serialize(mask=False) for frame in frames)
    reader = read(octets, cuts, skip=skip)
    assert reader.payload_bytes == sum(len(payload) for opcode, payload in sent if opcode == Opcode.BINARY)
    texts = [payload for opcode, payload in sent if opcode == Opcode.TEXT]
    pings = [payload for opcode, payload in sent if opcode == Opcode.PING]
    assert reader.text == (texts[-1] if texts else None)
    assert reader.ping == (pings[-1] if pings else None)
    assert not reader.closed


def test_what_follows_a_close_is_ignored() -> None:
    close = Frame(Opcode.CLOSE, CloseCode.NORMAL_CLOSURE.to_bytes(2, "big")).serialize(mask=False)
    reader = read(close + b"\xff\xff\xff", [], skip=False)
    assert reader.closed


@given(st.binary(max_size=200), st.booleans())
def test_any_octets_are_read_or_refused(octets: bytes, takes_binary: bool) -> None:
    reader = FrameReader(takes_binary=takes_binary)
    with suppress(ProtocolError):
        reader.feed(memoryview(octets))
    assert reader.payload_bytes <= len(octets)


@given(st.lists(sizes, max_size=4), st.binary(max_size=125))
def test_an_independent_server_reads_what_we_send(sizes: list[int], ping: bytes) -> None:
    """The payload is any octets, which stand for masked ones: the server sees as many."""
    server = Protocol(Side.SERVER, max_size=None)
    octets = b"".join(binary_head(size) + bytes(size) for size in sizes)
    server.receive_data(octets + control_frame(PONG, ping) + control_frame(CLOSE, b""))
    frames = [event for event in server.events_received() if isinstance(event, Frame)]
    assert server.parser_exc is None
    assert [len(frame.data) for frame in frames[:-2]] == sizes
    assert (frames[-2].opcode, bytes(frames[-2].data)) == (Opcode.PONG, ping)
    assert frames[-1].opcode == Opcode.CLOSE


@given(
    st.binary(max_size=50) | st.sampled_from([b"[1]", b'{"AppInfo": 1}', b'{"AppInfo": {"NumBytes": "x"}}'])
)
def test_messages_that_tell_nothing_tell_nothing(text: bytes) -> None:
    assert received_payload_bytes(text) is None
    assert received_octets(text) is None


def test_messages_tell_what_was_received() -> None:
    assert received_payload_bytes(b'{"AppInfo": {"NumBytes": 7}}') == 7
    assert received_octets(b'{"TCPInfo": {"BytesReceived": 9, "RTT": 1}}') == 9
