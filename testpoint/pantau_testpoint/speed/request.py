"""Reads HTTP/1.1 requests from the octets of one connection, without any I/O.

httptools (llhttp) does the parsing. It sees the octets of a fixed-length body only as far as they came
together with the header; the rest is counted here without being looked at, which is what makes uploads fast.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from urllib.parse import parse_qs

import httptools

from pantau_testpoint.errors import RequestError
from pantau_testpoint.speed.limits import (
    CHUNKED_RECEIVE_BYTES,
    HEAD_BYTES,
    HEADER_COUNT,
    RECEIVE_BYTES,
)

EXPECT_CONTINUE = b"100-continue"


@dataclass(frozen=True, slots=True)
class Request:
    """The header of one request; header names are in lower case, `query` holds the last of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[bytes, bytes]
    http_version: str = "1.1"
    keep_alive: bool = True
    body_length: int | None = 0
    """Octets that follow, or None if they come in chunks."""

    @property
    def has_body(self) -> bool:
        """Whether octets of a body follow."""
        return self.body_length is None or self.body_length > 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` (RFC 9110, section 10.1.1)."""
        return self.http_version == "1.1" and self.headers.get(b"expect", b"").lower() == EXPECT_CONTINUE


class Mark(Enum):
    """The events that carry nothing."""

    REQUEST_END = "request_end"


Event = Request | int | Mark | RequestError
"""A request's header; a number of octets of its body; its end; or what is wrong, the last event of all."""


def malformed(reason: str) -> RequestError:
    """Return the answer to what is not HTTP."""
    return RequestError(HTTPStatus.BAD_REQUEST, "malformed_request", f"this is not a valid request: {reason}")


def too_large(reason: str) -> RequestError:
    """Return the answer to a header beyond the limits."""
    return RequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "header_too_large", reason)


class RequestReader:
    """Turns received octets into `events`, in the order of the connection, also of pipelined requests.

    Whoever takes the events from the left of the deque may leave some for later.
    """

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.in_head = False
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._keep_alive = True
        self._chunked = False
        self._body_left: int = 0
        self._message_began = False
        self._body_bytes_parsed = 0
        self._bare_bytes = 0
        self._ended = False

    @property
    def appetite(self) -> int:
        """How many octets the next call of `feed` should bring at most.

        Much within a body, little where pipelined requests could begin.
        """
        if self._chunked:
            return CHUNKED_RECEIVE_BYTES
        return max(HEAD_BYTES, min(RECEIVE_BYTES, self._body_left))

    def feed(self, data: memoryview) -> None:
        """Append to `events` what `data` brings; nothing after a RequestError or a last request."""
        if self._ended:
            return
        if self._body_left:
            taken = min(self._body_left, len(data))
            self._count_body(taken)
            if self._body_left:
                return
            self._end_unparsed_body()
            data = data[taken:]
        if data and not self._ended:
            self._parse(data)

    def _count_body(self, count: int) -> None:
        self._body_left = max(0, self._body_left - count)
        if self.events and isinstance(self.events[-1], int):
            self.events[-1] += count
        else:
            self.events.append(count)

    def _end_unparsed_body(self) -> None:
        """End a request whose body the parser has not seen: it would go on waiting, so another takes over."""
        self.events.append(Mark.REQUEST_END)
        self._ended = not self._keep_alive
        self._parser = httptools.HttpRequestParser(self)

    def _parse(self, data: memoryview) -> None:
        self._message_began = False
        self._body_bytes_parsed = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ended = True
        except httptools.HttpParserError as error:
            self._fail(malformed(str(error)))
        else:
            self._limit(len(data))

    def _limit(self, size: int) -> None:
        """Bound what the parser collects before it tells: a header, or chunk extensions and trailers."""
        bare = self._chunked and not (self._message_began or self._body_bytes_parsed)
        self._head_bytes = self._head_bytes + size if self.in_head and not self._message_began else 0
        self._bare_bytes = self._bare_bytes + size if bare else 0
        if self._head_bytes >= HEAD_BYTES:
            self._fail(_head_too_long())
        elif self._bare_bytes > CHUNKED_RECEIVE_BYTES:
            self._fail(malformed("chunks without content"))

    def _fail(self, error: RequestError) -> None:
        """Report `error`, unless the client had announced that its last request was the last."""
        if self._keep_alive and not self._ended:
            self.events.append(error)
        self._ended = True
        self.in_head = False

    # What follows is called by the parser, which knows these names.

    def on_message_begin(self) -> None:
        """Start a header."""
        self.in_head = True
        self._message_began = True
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header line; of trailers nothing is kept."""
        if self.in_head:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Emit the request."""
        self.in_head = False
        self._chunked = b"transfer-encoding" in self._headers
        self._body_left = int(self._headers.get(b"content-length", 0))
        # Another protocol than HTTP/1 is not spoken here, so an Upgrade is ignored (RFC 9110, section 7.8).
        self._keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        try:
            request = self._request()
        except RequestError as error:
            self._keep_alive = True
            self._fail(error)
        else:
            self.events.append(request)

    def on_body(self, body: bytes) -> None:
        """Count a part of the body."""
        self._body_bytes_parsed += len(body)
        self._count_body(len(body))

    def on_message_complete(self) -> None:
        """Emit the end of the request."""
        self._chunked = False
        self._body_left = 0
        self.events.append(Mark.REQUEST_END)

    def _request(self) -> Request:
        """Return the request; raises RequestError for one that the parser let pass."""
        self._check_head()
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            raise malformed("its target is not a path") from None
        query = parse_qs((url.query or b"").decode("latin-1"), keep_blank_values=True)
        return Request(
            method=self._parser.get_method().decode("ascii"),
            path=(url.path or b"/").decode("latin-1"),
            query={name: values[-1] for name, values in query.items()},
            headers=self._headers,
            http_version=self._parser.get_http_version(),
            keep_alive=self._keep_alive,
            body_length=None if self._chunked else self._body_left,
        )

    def _check_head(self) -> None:
        size = len(self._url) + sum(len(name) + len(value) for name, value in self._headers.items())
        if size > HEAD_BYTES:
            raise _head_too_long()
        if not self._parser.get_http_version().startswith("1."):
            raise malformed("this server speaks HTTP/1.1")
        if len(self._headers) > HEADER_COUNT:
            raise too_large(f"the request has more than {HEADER_COUNT} header lines")
        if self._parser.should_upgrade() and (self._chunked or self._body_left):
            raise malformed("a body cannot come with an Upgrade")


def _head_too_long() -> RequestError:
    return too_large(f"the header of the request is longer than {HEAD_BYTES} octets")
