"""The reader finds the same requests however their octets arrive."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pantau_testpoint.errors import RequestError
from pantau_testpoint.speed.limits import CHUNKED_RECEIVE_BYTES, HEAD_BYTES, RECEIVE_BYTES
from pantau_testpoint.speed.request import Event, Mark, Request, RequestReader

from .support import get, post, post_chunked

Read = list[tuple[str, int | str]]


def read(*pieces: bytes) -> Read:
    reader = RequestReader()
    for piece in pieces:
        reader.feed(memoryview(piece))
    return summary(list(reader.events))


def summary(events: list[Event]) -> Read:
    """Requests by path, then the octets of their bodies, then what went wrong."""
    result: Read = []
    for event in events:
        if isinstance(event, Request):
            result += [(event.path, 0)]
        elif isinstance(event, int):
            path, count = result[-1]
            result[-1] = (path, int(count) + event)
        elif isinstance(event, RequestError):
            result += [("error", event.code)]
        else:
            assert event is Mark.REQUEST_END
    return result


bodies = st.binary(max_size=300)
requests = st.one_of(
    st.just((get("/getIP"), ("/getIP", 0))),
    bodies.map(lambda body: (post(body), ("/empty", len(body)))),
    st.lists(st.binary(min_size=1, max_size=100), max_size=4).map(
        lambda chunks: (post_chunked(*chunks, path="/chunked"), ("/chunked", sum(map(len, chunks))))
    ),
)


@given(st.lists(requests, min_size=1, max_size=5), st.lists(st.integers(0, 2000), max_size=12))
def test_requests_are_the_same_however_they_are_cut(
    sent: list[tuple[bytes, tuple[str, int]]], cuts: list[int]
) -> None:
    octets = b"".join(request for request, _ in sent)
    places = sorted({0, len(octets), *(cut for cut in cuts if cut < len(octets))})
    pieces = [octets[start:end] for start, end in pairwise(places)]
    assert read(*pieces) == [expected for _, expected in sent]


@given(st.binary(max_size=400))
def test_any_octets_bring_requests_or_one_error(octets: bytes) -> None:
    found = read(octets, octets)
    assert [name for name, _ in found].count("error") <= 1


def test_a_long_body_is_counted_in_large_pieces_and_requests_in_small() -> None:
    reader = RequestReader()
    assert reader.appetite == HEAD_BYTES
    reader.feed(memoryview(post(b"x" * 10)[:-10].replace(b"Length: 10", b"Length: 1000000")))
    assert reader.appetite == RECEIVE_BYTES
    reader.feed(memoryview(bytes(1_000_000 - 20_000)))
    assert reader.appetite == 20_000
    reader.feed(memoryview(bytes(20_000) + get("/getIP")))
    assert summary(list(reader.events)) == [("/empty", 1_000_000), ("/getIP", 0)]


def test_a_request_after_the_last_one_is_not_read() -> None:
    last = post(b"hello", "Connection: close")
    assert read(last + get("/getIP")) == [("/empty", 5)]
    assert read(last[:-2], last[-2:] + get("/getIP")) == [("/empty", 5)]


def test_a_header_is_bounded_also_in_many_pieces() -> None:
    line = b"X-Fill: " + b"a" * 1000 + b"\r\n"
    assert read(b"GET / HTTP/1.1\r\n", *[line] * 40) == [("error", "header_too_large")]
    assert read(b"GET / HTTP/1.1\r\nX-Fill: ", *[b"a" * 1000] * 40) == [("error", "header_too_large")]


def test_a_header_that_comes_whole_is_bounded_too() -> None:
    assert read(get("/", "X-Fill: " + "a" * 20_000)) == [("error", "header_too_large")]
    assert read(get("/", *[f"X-{number}: a" for number in range(200)])) == [("error", "header_too_large")]


def test_chunks_that_never_bring_content_are_bounded() -> None:
    head = post_chunked(b"")[: -len(b"0\r\n\r\n0\r\n\r\n")]
    extension = [b"5;x=", *[b"a" * 10_000] * (2 * CHUNKED_RECEIVE_BYTES // 10_000)]
    assert read(head, *extension) == [("/empty", 0), ("error", "malformed_request")]


def test_both_lengths_at_once_are_an_error() -> None:
    octets = post(b"hello", "Transfer-Encoding: chunked")
    assert read(octets) == [("error", "malformed_request")]


def test_an_upgrade_is_ignored_but_the_connection_ends_there() -> None:
    upgrade = get("/getIP", "Connection: Upgrade", "Upgrade: h2c")
    reader = RequestReader()
    reader.feed(memoryview(upgrade + get("/later")))
    request = reader.events[0]
    assert isinstance(request, Request)
    assert not request.keep_alive
    assert summary(list(reader.events)) == [("/getIP", 0)]


def test_a_body_with_an_upgrade_is_an_error() -> None:
    assert read(post(b"hello", "Connection: Upgrade", "Upgrade: h2c")) == [("error", "malformed_request")]


def test_a_tunnel_is_an_error() -> None:
    assert read(b"CONNECT example.org:443 HTTP/1.1\r\n\r\n") == [("error", "malformed_request")]
