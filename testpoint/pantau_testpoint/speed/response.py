"""Builds HTTP/1.1 responses as octets."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from pantau_testpoint.errors import RequestError
from pantau_wire import __version__

Headers = tuple[tuple[str, str], ...]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_STORE: Headers = (
    ("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0, s-maxage=0"),
    ("Pragma", "no-cache"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is at hand, or is only announced, as HEAD wants it."""

    status: HTTPStatus
    headers: Headers = ()
    body: bytes = b""
    announced_bytes: int | None = None


def json_answer(status: HTTPStatus, payload: Mapping[str, object], headers: Headers = ()) -> Answer:
    """Return an answer of one JSON object."""
    body = json.dumps(payload, separators=(",", ":")).encode() + b"\n"
    return Answer(status, (("Content-Type", "application/json"), *NO_STORE, *headers), body)


def fault_answer(fault: RequestError, headers: Headers = ()) -> Answer:
    """Return the answer that says what was wrong."""
    payload = {"error": fault.code, "message": fault.message}
    return json_answer(fault.status, payload, (*fault.headers, *headers))


def head(status: HTTPStatus, headers: Headers, *, body_bytes: int | None, close: bool) -> bytes:
    """Return status line and header; `body_bytes` is the Content-Length, None for a status that has none."""
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Server: pantau-testpoint/{__version__}",
        time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        *(f"{name}: {value}" for name, value in headers),
    ]
    if body_bytes is not None:
        lines.append(f"Content-Length: {body_bytes}")
    lines.append("Connection: close" if close else "Connection: keep-alive")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(answer: Answer, *, close: bool, without_body: bool) -> bytes:
    """Return an answer's octets; `without_body` as HEAD wants it (RFC 9110, section 9.3.2)."""
    bodiless_status = answer.status == HTTPStatus.NO_CONTENT
    length = len(answer.body) if answer.announced_bytes is None else answer.announced_bytes
    octets = head(answer.status, answer.headers, body_bytes=None if bodiless_status else length, close=close)
    return octets if without_body or bodiless_status else octets + answer.body
