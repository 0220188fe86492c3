"""Heads of HTTP/1.1 requests and responses (RFC 9112), as far as a speed test needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pantau_agent.probes.speed.transport.errors import (
    BusyError,
    ProtocolError,
    RefusedError,
    TokenWantedError,
)
from pantau_wire import __version__

MAX_HEAD_BYTES = 16 * 1024
_DEFAULT_RETRY_AFTER_S = 10.0
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_OK, _MULTIPLE_CHOICES, _BAD_REQUEST = 200, 300, 400
_BUSY = {429, 503}
_UNAUTHORIZED = 401
_TOKEN_CHALLENGE = re.compile(r'Pantau error="([a-z_]{1,40})"')
_BODILESS = {204, 304}


@dataclass(frozen=True, slots=True)
class Head:
    """A response's status and headers, names in lower case."""

    status: int
    headers: dict[str, str]
    minor_version: int

    @property
    def keep_alive(self) -> bool:
        """Whether the connection serves another request afterwards."""
        options = self.headers.get("connection", "").lower()
        return "close" not in options if self.minor_version else "keep-alive" in options

    @property
    def content_length(self) -> int | None:
        """Octets of the body, None if the header does not say. Raises ProtocolError for nonsense."""
        if self.status in _BODILESS:
            return 0
        text = self.headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise ProtocolError(f"Content-Length is {text!r}")
        return int(text)

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks (RFC 9112, section 7.1)."""
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    @property
    def interim(self) -> bool:
        """Whether another head follows (100 Continue and the like)."""
        return self.status < _OK


def request_head(
    method: str,
    path: str,
    *,
    host: str,
    test_id: str,
    content_length: int | None = None,
    token: str | None = None,
) -> bytes:
    """Return a request's head. Every request names the test that it belongs to."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: pantau-agent/{__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
        f"X-Pantau-Test: {test_id}",
    ]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if content_length is not None:
        lines += ["Content-Type: application/octet-stream", f"Content-Length: {content_length}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def parse_head(octets: bytes) -> Head:
    """Return the head whose lines are in `octets`, the empty line left out. Raises ProtocolError."""
    status_line, *lines = octets.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(status_line)
    if match is None:
        raise ProtocolError(f"no HTTP response: {status_line[:40]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise ProtocolError(f"no HTTP header: {line[:40]!r}")
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return Head(int(match[2]), headers, int(match[1]))


def expect_success(head: Head, path: str) -> None:
    """Raise what a head that is no 2xx means: BusyError, TokenWantedError, RefusedError."""
    if _OK <= head.status < _MULTIPLE_CHOICES:
        return
    if head.status in _BUSY:
        raise BusyError(f"HTTP {head.status} for {path}", _retry_after_s(head))
    challenge = _TOKEN_CHALLENGE.fullmatch(head.headers.get("www-authenticate", ""))
    if head.status == _UNAUTHORIZED and challenge is not None:
        raise TokenWantedError(challenge[1])
    detail = f"HTTP {head.status} for {path}"
    if head.status < _BAD_REQUEST and "location" in head.headers:
        detail += f": configure {head.headers['location']} instead"
    raise RefusedError(detail, head.status)


def _retry_after_s(head: Head) -> float:
    text = head.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else _DEFAULT_RETRY_AFTER_S
