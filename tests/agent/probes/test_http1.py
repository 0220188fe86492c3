"""Heads and bodies: whatever the pieces that the network cuts them into, the payload is the same."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.probes.speed.transport.bodies import ResponseReader
from pantau_agent.probes.speed.transport.errors import BusyError, ProtocolError, RefusedError
from pantau_agent.probes.speed.transport.http1 import expect_success, parse_head, request_head

payloads = st.binary(max_size=300)


def sized(payload: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(payload), payload)


def chunked(payload: bytes, size: int) -> bytes:
    pieces = [payload[i : i + size] for i in range(0, len(payload), size)]
    body = b"".join(b"%X;x=y\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\nTrailer: x\r\n\r\n"


def read(octets: bytes, cuts: list[int], *, skip: bool) -> ResponseReader:
    """Feed `octets` cut at `cuts`; with `skip`, payload is thrown away unseen where the reader allows it."""
    reader = ResponseReader()
    edges = [0, *sorted(cut for cut in cuts if cut < len(octets)), len(octets)]
    for start, end in pairwise(edges):
        piece = memoryview(octets[start:end])
        while piece:
            count = min(len(piece), reader.skippable) if skip else 0
            if count:
                reader.skip(count)
                piece = piece[count:]
            else:
                reader.feed(piece)
                break
    return reader


@given(payloads, st.lists(st.integers(1, 400)), st.booleans())
def test_a_sized_body_is_counted_however_it_is_cut(payload: bytes, cuts: list[int], skip: bool) -> None:
    reader = read(sized(payload), cuts, skip=skip)
    assert reader.done
    assert reader.payload_bytes == len(payload)
    assert skip or reader.kept == payload


@given(payloads, st.integers(1, 50), st.lists(st.integers(1, 400)), st.booleans())
def test_a_chunked_body_is_counted_however_it_is_cut(
    payload: bytes, size: int, cuts: list[int], skip: bool
) -> None:
    reader = read(chunked(payload, size), cuts, skip=skip)
    assert reader.done
    assert reader.payload_bytes == len(payload)
    assert skip or reader.kept == payload


@given(payloads, st.lists(st.integers(1, 400)))
def test_a_body_without_length_ends_with_the_connection(payload: bytes, cuts: list[int]) -> None:
    reader = read(b"HTTP/1.0 200 OK\r\n\r\n" + payload, cuts, skip=False)
    assert not reader.done
    reader.end()
    assert reader.done
    assert reader.kept == payload


def test_interim_answers_are_passed_over() -> None:
    reader = read(b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"abc"), [], skip=False)
    assert reader.head is not None
    assert reader.head.status == 200
    assert reader.kept == b"abc"


@pytest.mark.parametrize("octets", [sized(b"abcdef")[:-1], chunked(b"abcdef", 3)[:-9], b"", b"HTTP/1.1 200"])
def test_an_early_end_is_no_response(octets: bytes) -> None:
    reader = read(octets, [], skip=False)
    with pytest.raises(ProtocolError, match="closed"):
        reader.end()


@pytest.mark.parametrize(
    "octets",
    [
        b"220 mail.example ESMTP ready\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 2000,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 4000,
        sized(b"abc") + b"more",
    ],
)
def test_anything_else_is_a_protocol_failure(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(octets, [], skip=False)


@given(st.binary(max_size=200))
def test_no_octets_do_worse_than_a_protocol_failure(octets: bytes) -> None:
    with suppress(ProtocolError):
        read(octets, [], skip=False).end()


def test_a_request_names_host_test_and_length() -> None:
    head = request_head("POST", "/empty", host="x:8", test_id="t1", content_length=5).decode()
    assert head.startswith("POST /empty HTTP/1.1\r\nHost: x:8\r\n")
    assert "X-Pantau-Test: t1\r\n" in head
    assert head.endswith("Content-Length: 5\r\n\r\n")


@pytest.mark.parametrize(
    ("header", "expected_s"), [(b"Retry-After: 7", 7), (b"Retry-After: soon", 10), (b"X: y", 10)]
)
def test_busy_says_when_to_come_again(header: bytes, expected_s: float) -> None:
    with pytest.raises(BusyError) as caught:
        expect_success(parse_head(b"HTTP/1.1 503 Busy\r\n" + header), "/garbage")
    assert caught.value.retry_after_s == expected_s


def test_a_redirect_says_where_to() -> None:
    with pytest.raises(RefusedError, match="configure https://x/ instead"):
        expect_success(parse_head(b"HTTP/1.1 301 Moved\r\nLocation: https://x/"), "/garbage")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
    ],
)
def test_keep_alive_is_understood(lines: bytes, expected: bool) -> None:
    assert parse_head(lines).keep_alive is expected
