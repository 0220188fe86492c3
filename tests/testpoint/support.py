"""A real speed server on loopback, and a client that shows every octet."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from pantau_testpoint.listening import listen_tcp
from pantau_testpoint.speed.admission import Admission
from pantau_testpoint.speed.guard import Guard
from pantau_testpoint.speed.limits import Limits
from pantau_testpoint.speed.server import SpeedServer

MIB = 1024 * 1024
PATIENCE_S = 20.0
BUFFER_BYTES = 64 * 1024
QUICK = Limits(sweep_s=0.02)


@dataclass
class Running:
    port: int
    admission: Admission

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def numbers(self) -> dict[str, object]:
        return self.admission.numbers()


@contextlib.asynccontextmanager
async def speed_server(
    *,
    max_tests: int = 8,
    max_tests_per_device: int | None = None,
    max_streams: int = 32,
    grace_s: float = 0.05,
    limits: Limits = QUICK,
    guard: Guard | None = None,
) -> AsyncIterator[Running]:
    admission = Admission(
        max_tests=max_tests,
        max_tests_per_device=max_tests_per_device,
        max_streams=max_streams,
        grace_s=grace_s,
        log=structlog.get_logger(),
    )
    with listen_tcp("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        async with SpeedServer(sock, admission, admission.numbers, limits, guard):
            yield Running(port, admission)
    assert admission.numbers()["active_streams"] == 0


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """A TCP connection that reads whole responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def read_head(self) -> tuple[int, dict[str, str]]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.strip().split("\r\n")
        found = re.fullmatch(r"HTTP/1\.1 (\d{3}) .+", status)
        assert found, status
        pairs = [line.split(": ", 1) for line in lines]
        return int(found[1]), {name.lower(): value for name, value in pairs}

    async def read(self) -> Response:
        status, headers = await self.read_head()
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Response(status, headers, body)

    async def ask(self, octets: bytes) -> Response:
        await self.send(octets)
        return await self.read()

    def reader_stops(self) -> None:
        """Leave what comes in the kernel until the next read: its buffers and the stream's are small."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)

    async def is_closed(self) -> bool:
        """Wait for the server to end its side; False if it sends something instead."""
        return await self.reader.read(1) == b""


@contextlib.asynccontextmanager
async def connected(port: int, *, source: str = "127.0.0.1") -> AsyncIterator[RawClient]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, local_addr=(source, 0), limit=BUFFER_BYTES
    )
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def eventually(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the server
            await asyncio.sleep(0.01)


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: testpoint", *headers, "", ""]).encode()


def post(body: bytes, *headers: str, path: str = "/empty") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: testpoint", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def post_chunked(*chunks: bytes, path: str = "/empty") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: testpoint\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
