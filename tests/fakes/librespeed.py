"""A speed-test server in LibreSpeed's dialect that can misbehave in every way that a probe must survive.

Threads, blocking sockets, no HTTP library: what goes over the wire is exactly what stands here.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import socketserver
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

MIB = 1024 * 1024
_PIECE_BYTES = 4096
_CATCH_UP_S = 0.05
_BLOCK = os.urandom(MIB)


@dataclass(kw_only=True)
class Behaviour:
    """What the server does; by default it behaves well, at full speed."""

    rate_bps: float | None = None
    """Payload of all streams together, each direction."""
    burst_s: float = 0.0
    """For so long after the first transfer the rate is ten times that."""
    busy_times: int = 0
    """So many transfers get 503 first."""
    retry_after_s: int = 1
    speaks_http: bool = True
    answers: bool = True
    chunked: bool = False
    says_length: bool = True
    keep_alive: bool = True
    says_count: bool = True
    miscounts: bool = False
    cut_download_at: int | None = None
    post_status: int | None = None
    max_post_bytes: int | None = None
    garbage_path: str = "/garbage"
    empty_path: str = "/empty"
    tls: ssl.SSLContext | None = None


@dataclass
class Seen:
    """What the server saw."""

    uploaded_bytes: int = 0
    test_ids: set[str] = field(default_factory=set)
    header_names: set[str] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    refused_count: int = 0


class Shaper:
    """Lets bytes through at a rate, for all threads together."""

    def __init__(self, rate_bps: float, burst_s: float) -> None:
        self._bytes_per_s = rate_bps / 8
        self._burst_s = burst_s
        self._lock = threading.Lock()
        self._begun_s: float | None = None
        self._free_at_s = 0.0

    def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        with self._lock:
            now_s = time.monotonic()
            if self._begun_s is None:
                self._begun_s = now_s
            factor = 10 if now_s - self._begun_s < self._burst_s else 1
            # A thread that was woken late may catch up, or a busy machine would lower the rate.
            self._free_at_s = max(self._free_at_s, now_s - _CATCH_UP_S) + count / (self._bytes_per_s * factor)
            wait_s = self._free_at_s - now_s
        time.sleep(max(wait_s, 0))


class LibreSpeed:
    """The server, as a context: listens on a free loopback port."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.seen = Seen()
        self.lock = threading.Lock()
        rate = self.behaviour.rate_bps
        self.shaper = Shaper(rate, self.behaviour.burst_s) if rate is not None else None
        self._busy_left = self.behaviour.busy_times
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the server is."""
        scheme = "https" if self.behaviour.tls is not None else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def wait_until_idle(self) -> None:
        """Wait until every connection has ended."""
        while self._server.open_count:
            time.sleep(0.01)

    def is_busy(self) -> bool:
        """Tell whether the next transfer is to be refused."""
        with self.lock:
            self._busy_left -= 1
            busy = self._busy_left >= 0
            self.seen.refused_count += busy
        return busy


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64
    owner: LibreSpeed

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._sockets: set[socket.socket] = set()

    @property
    def open_count(self) -> int:
        return len(self._sockets)

    def end_connections(self) -> None:
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent: clients end connections as they like."""


class _Handler(socketserver.BaseRequestHandler):
    def setup(self) -> None:
        self.owner: LibreSpeed = self.server.owner  # type: ignore[attr-defined]
        self.behaviour = self.owner.behaviour
        self.buffer = bytearray()
        if self.behaviour.rate_bps is not None:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.sock: socket.socket = self.request
        if self.behaviour.tls is not None:
            self.sock = self.behaviour.tls.wrap_socket(self.request, server_side=True)

    def finish(self) -> None:
        if self.sock is not self.request:
            self.sock.close()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            for method, target, headers in self._requests():
                self._answer(method, target, headers)
                if not self.behaviour.keep_alive:
                    return

    def _requests(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        while True:
            while (end := self.buffer.find(b"\r\n\r\n")) < 0:
                octets = self.sock.recv(65536)
                if not octets:
                    return
                self.buffer += octets
            request_line, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            del self.buffer[: end + 4]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            method, target, _ = request_line.split(" ")
            with self.owner.lock:
                self.owner.seen.paths.append(target)
                self.owner.seen.test_ids.add(headers["x-pantau-test"])
                self.owner.seen.header_names.update(headers)
            yield method, target, headers

    def _answer(self, method: str, target: str, headers: dict[str, str]) -> None:
        behaviour = self.behaviour
        path, _, query = target.partition("?")
        if not behaviour.speaks_http:
            self.sock.sendall(b"220 mail.example ESMTP ready\r\n")
        elif not behaviour.answers:
            self.sock.recv(1)
        elif path not in {behaviour.garbage_path, behaviour.empty_path}:
            self._respond(404, b"not found")
        elif method == "GET" and path == behaviour.empty_path:
            self._respond(200, b"")
        elif self.owner.is_busy():
            self._respond(503, b"busy", f"Retry-After: {behaviour.retry_after_s}\r\n")
            self._drain()
        elif method == "GET":
            self._garbage(int(query.partition("ckSize=")[2]) * MIB)
        else:
            self._take(int(headers["content-length"]))

    def _respond(self, status: int, body: bytes, more: str = "") -> None:
        connection = "keep-alive" if self.behaviour.keep_alive else "close"
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: {connection}\r\n{more}\r\n"
        self.sock.sendall(head.encode() + body)

    def _drain(self) -> None:
        """Throw a refused body away, so that no reset overtakes the refusal."""
        self.sock.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while self.sock.recv(65536):
                pass
        raise OSError

    def _garbage(self, size: int) -> None:
        behaviour = self.behaviour
        framing = f"Content-Length: {size}\r\n"
        if behaviour.chunked:
            framing = "Transfer-Encoding: chunked\r\n"
        elif not behaviour.says_length:
            framing = "Connection: close\r\n"
        self.sock.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n".encode())
        sent = 0
        for piece in self._pieces(size):
            if behaviour.cut_download_at is not None and sent >= behaviour.cut_download_at:
                raise OSError
            self.sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if behaviour.chunked else piece)
            sent += len(piece)
        if behaviour.chunked:
            self.sock.sendall(b"0\r\n\r\n")
        elif not behaviour.says_length:
            raise OSError

    def _pieces(self, size: int) -> Iterator[bytes]:
        shaper = self.owner.shaper
        piece_bytes = MIB if shaper is None else _PIECE_BYTES
        while size:
            piece = _BLOCK[: min(piece_bytes, size)]
            if shaper is not None:
                shaper.take(len(piece))
            yield piece
            size -= len(piece)

    def _take(self, size: int) -> None:
        behaviour = self.behaviour
        too_large = behaviour.max_post_bytes is not None and size > behaviour.max_post_bytes
        status = 413 if too_large else behaviour.post_status
        if status is not None:
            self._respond(status, b"no")
            self._drain()
        begun_s = time.monotonic()
        left = size - self._count(self.buffer[:size])
        del self.buffer[:size]
        while left:
            octets = self.sock.recv(min(_PIECE_BYTES if self.owner.shaper else MIB, left))
            if not octets:
                raise OSError
            left -= self._count(octets)
            if self.owner.shaper is not None:
                self.owner.shaper.take(len(octets))
        said = size + (1 if behaviour.miscounts else 0)
        answer = {"received_bytes": said, "duration_s": time.monotonic() - begun_s}
        self._respond(200, json.dumps(answer).encode() if behaviour.says_count else b"")

    def _count(self, octets: bytes | bytearray) -> int:
        with self.owner.lock:
            self.owner.seen.uploaded_bytes += len(octets)
        return len(octets)
