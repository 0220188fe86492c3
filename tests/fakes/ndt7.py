"""An ndt7 server on the library `websockets`, and one that breaks the protocol in every way one likes.

`python -m tests.fakes.ndt7 ADDRESS PORT` serves until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from tests.fakes.librespeed import Shaper
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pantau_agent.probes.speed.ndt7.handshake import accept_of

if TYPE_CHECKING:
    import ssl

SUBPROTOCOL = "net.measurementlab.ndt.v7"
_MESSAGE_BYTES = 1 << 13
_MAX_MESSAGE_BYTES = 1 << 24
_MAX_SCALED_BYTES = 1 << 20
_SCALING = 16
_SAY_EACH_S = 0.1
_BLOCK = os.urandom(_MAX_SCALED_BYTES)


@dataclass(kw_only=True)
class Behaviour:
    """What the server does; by default it behaves well, at full speed."""

    test_s: float = 10.0
    rate_bps: float | None = None
    status: int | None = None
    says: str | None = "AppInfo"
    """In which part its messages tell what it received: AppInfo, TCPInfo, or none."""
    pings: bool = True
    fragments: int = 1
    """In so many pieces each message of a download comes."""
    tls: ssl.SSLContext | None = None
    subprotocol: bool = True


@dataclass
class Seen:
    """What the server saw."""

    received_octets: int = 0
    """All that came, frames and requests included, and of messages that never became whole."""
    pong_count: int = 0
    targets: list[str] = field(default_factory=list)
    open_count: int = 0


class Ndt7Server:
    """The server, as a context: listens on a free loopback port unless told otherwise."""

    def __init__(self, behaviour: Behaviour | None = None, address: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour = behaviour or Behaviour()
        self.seen = Seen()
        self._socket = socket.create_server((address, port))
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self.serve_until_over)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def serve_until_over(self) -> None:
        """Serve until the context ends, or for ever."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        listening = serve(
            self._handle,
            sock=self._socket,
            ssl=self.behaviour.tls,
            process_request=self._check,
            subprotocols=[SUBPROTOCOL] if self.behaviour.subprotocol else None,
            max_size=_MAX_MESSAGE_BYTES,
            compression=None,
            create_connection=lambda *args, **options: _Counting(self.seen, *args, **options),
            ping_interval=None,
        )
        async with listening:
            await self._over.wait()

    @property
    def url(self) -> str:
        """Where the server is."""
        scheme = "wss" if self.behaviour.tls is not None else "ws"
        return f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def wait_until_idle(self) -> None:
        """Wait until no test runs any more."""
        while self.seen.open_count:
            time.sleep(0.01)

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.seen.targets.append(request.path)
        if self.behaviour.status is not None:
            return connection.respond(HTTPStatus(self.behaviour.status), "no")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        self.seen.open_count += 1
        assert connection.request is not None
        try:
            with contextlib.suppress(ConnectionClosed):
                if connection.request.path.partition("?")[0].endswith("/download"):
                    await self._download(connection)
                else:
                    await self._upload(connection)
        finally:
            self.seen.open_count -= 1

    async def _download(self, connection: ServerConnection) -> None:
        rate_bps = self.behaviour.rate_bps
        shaper = Shaper(rate_bps, 0.0) if rate_bps is not None else None
        size, sent, until_s = _MESSAGE_BYTES, 0, time.monotonic() + self.behaviour.test_s
        say_at_s = time.monotonic()
        while time.monotonic() < until_s:
            if shaper is not None:
                await asyncio.to_thread(shaper.take, size)
            await connection.send(self._message(size))
            sent += size
            if shaper is None and size < _MAX_SCALED_BYTES and size * _SCALING <= sent:
                size *= 2
            if time.monotonic() >= say_at_s:
                await self._say(connection, sent)
                say_at_s += _SAY_EACH_S

    def _message(self, size: int) -> Any:
        pieces = self.behaviour.fragments
        if pieces == 1:
            return _BLOCK[:size]
        return (_BLOCK[: size // pieces] for _ in range(pieces))

    async def _upload(self, connection: ServerConnection) -> None:
        until_s = time.monotonic() + self.behaviour.test_s
        say_at_s, received_bytes = time.monotonic(), 0
        while time.monotonic() < until_s:
            received_bytes += len(await connection.recv(decode=False))
            if time.monotonic() >= say_at_s:
                await self._say(connection, received_bytes)
                say_at_s += _SAY_EACH_S

    async def _say(self, connection: ServerConnection, count: int) -> None:
        said = {"AppInfo": {"NumBytes": count}, "TCPInfo": {"BytesReceived": count, "RTT": 1}}
        if self.behaviour.says is not None:
            await connection.send(json.dumps({self.behaviour.says: said[self.behaviour.says]}))
        if self.behaviour.pings:
            pong = await connection.ping()
            pong.add_done_callback(self._note_pong)

    def _note_pong(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self.seen.pong_count += 1


class _Counting(ServerConnection):
    """A connection that counts what comes."""

    def __init__(self, seen: Seen, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._seen = seen

    def data_received(self, data: bytes) -> None:
        self._seen.received_octets += len(data)
        super().data_received(data)


class HostileServer:
    """Upgrades as it should, or answers `head` instead; then sends `octets`, `times` times, and waits."""

    def __init__(self, octets: bytes = b"", *, head: bytes | None = None, times: int = 1) -> None:
        self._octets = octets
        self._head = head
        self._times = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), sock:
                self._answer(sock)

    def _answer(self, sock: socket.socket) -> None:
        request = sock.recv(65_536)
        if not request:
            return  # a TCP handshake that was a ping
        sock.sendall(self._head if self._head is not None else upgrade(request))
        for _ in range(self._times):
            sock.sendall(self._octets)
        sock.recv(65_536)


def upgrade(request: bytes) -> bytes:
    """Return the answer that a request for an upgrade wants."""
    headers = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if ": " in line)
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_of(headers['Sec-WebSocket-Key'])}",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


if __name__ == "__main__":
    Ndt7Server(address=sys.argv[1], port=int(sys.argv[2])).serve_until_over()
