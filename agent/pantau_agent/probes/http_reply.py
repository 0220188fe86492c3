"""Reads one HTTP/1.1 response (RFC 9112) as far as a page fetch needs it: status, and the body's size."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_HEAD_BYTES = 32 * 1024
_MAX_INTERIM = 5
_READ_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: (.*))?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_OK = 200
_BODILESS = {204, 304}


@dataclass(frozen=True, slots=True)
class Head:
    """A response's status and headers, names in lower case."""

    status: int
    reason: str
    headers: dict[str, str]

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self.headers.get("transfer-encoding", "").lower().endswith("chunked")

    @property
    def content_length(self) -> int | None:
        """Octets of the body, None if only the end of the connection tells. Raises ProbeError."""
        if self.status in _BODILESS:
            return 0
        text = self.headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise ProbeError("protocol", f"Content-Length is {text[:40]!r}")
        return int(text)


async def read_head(reader: asyncio.StreamReader, begun: bytes) -> Head:
    """Return the final response's head, of which `begun` has come already. Raises ProbeError."""
    for _ in range(_MAX_INTERIM):
        head = _parse(begun + await _until_empty_line(reader))
        if head.status >= _OK:
            return head
        begun = b""
    raise ProbeError("protocol", "nothing but interim responses")


async def body_bytes(reader: asyncio.StreamReader, head: Head, limit: int) -> int:
    """Read the body up to `limit` and return its size without the marks of chunks.

    Raises ProbeError if the connection ends before the body does.
    """
    pieces = _chunks(reader) if head.chunked else _pieces(reader, head.content_length)
    size = 0
    async for piece in pieces:
        size += piece
        if size >= limit:
            return limit
    return size


async def _until_empty_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as fault:
        raise ProbeError("protocol", "the connection ended within the response's head") from fault
    except asyncio.LimitOverrunError as fault:
        raise ProbeError("protocol", f"no end of the head in {MAX_HEAD_BYTES} bytes") from fault


def _parse(octets: bytes) -> Head:
    status_line, *lines = octets.removesuffix(b"\r\n\r\n").split(b"\r\n")
    match = _STATUS_LINE.fullmatch(status_line)
    if match is None:
        raise ProbeError("protocol", f"no HTTP response: {status_line[:40]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise ProbeError("protocol", f"no HTTP header: {line[:40]!r}")
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return Head(int(match[1]), (match[2] or b"").decode("latin-1"), headers)


async def _pieces(reader: asyncio.StreamReader, length: int | None) -> AsyncIterator[int]:
    """Yield the sizes of what comes, until `length` is complete, or to the end where that is not known."""
    left = length
    while left is None or left > 0:
        piece = await reader.read(_READ_BYTES if left is None else min(left, _READ_BYTES))
        if not piece:
            if left is not None:
                raise ProbeError("protocol", f"the connection ended {left} bytes before the body did")
            return
        left = None if left is None else left - len(piece)
        yield len(piece)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[int]:
    while size := await _chunk_size(reader):
        async for piece in _pieces(reader, size):
            yield piece
        if await _line(reader):
            raise ProbeError("protocol", "a chunk does not end where it said")


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    line = await _line(reader)
    match = _CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise ProbeError("protocol", f"no size of a chunk: {line[:40]!r}")
    return int(match[1], 16)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readuntil(b"\r\n")).removesuffix(b"\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as fault:
        raise ProbeError("protocol", "the body's chunks break off") from fault
