"""Speedtest.net's legacy HTTP endpoints, as speedtest-cli 2.1.3 talks to them; fast enough for 500 Mbit/s.

`python -m tests.fakes.legacy_speedtest ADDRESS PORT` serves until it is ended. The configuration and the
list of servers are asked for at www.speedtest.net: set `http_proxy` to this server and `no_proxy` to its
address, and the unchanged program finds them here, and measures without a proxy in between. Where it asks
with TLS, set `https_proxy` and give `Behaviour.tls` a certificate for www.speedtest.net. The numbers in the
configuration and the sizes of the pictures are those that Speedtest.net used.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

PICTURE_BYTES = {
    350: 245_388,
    500: 505_544,
    750: 1_118_012,
    1000: 1_986_284,
    1500: 4_468_241,
    2000: 7_907_740,
    2500: 12_407_926,
    3000: 17_816_816,
    3500: 24_262_167,
    4000: 31_625_365,
}
"""By the edge of random{edge}x{edge}.jpg."""

_CONFIGURATION = """<?xml version="1.0" encoding="UTF-8"?><settings>
<client ip="192.0.2.1" lat="-7.80" lon="110.36" isp="Test" country="ID"/>
<server-config threadcount="4" ignoreids=""/>
<download testlength="{test_s}" threadsperurl="4"/>
<upload testlength="{test_s}" ratio="5" threads="2" maxchunkcount="50"/>
</settings>"""
_SERVERS = """<?xml version="1.0" encoding="UTF-8"?><settings><servers>
<server url="http://{host}/speedtest/upload.php" lat="-7.80" lon="110.36" name="Test" country="Indonesia"
 cc="ID" sponsor="Pantau" id="{id}" host="{host}"/>
</servers></settings>"""

_OK = 200
_BLOCK_BYTES = 4 * 1024 * 1024
_READ_BYTES = 256 * 1024
_PICTURE = re.compile(r"/random(\d+)x\1\.jpg")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(kw_only=True)
class Behaviour:
    """What the server does; by default as Speedtest.net did."""

    test_s: int = 10
    """How long speedtest-cli is told to load the line each way."""
    tls: ssl.SSLContext | None = None
    configuration_status: int = 200
    configuration: str = _CONFIGURATION
    server_id: int = 1
    pings: bool = True
    answers: bool = True
    """Without, the list of servers never comes."""
    says_size: bool = True
    """Without, each upload is answered by the same `size=500`."""


@dataclass
class Seen:
    """What the server saw."""

    uploaded_bytes: int = 0
    open_count: int = 0
    paths: list[str] = field(default_factory=list)
    asked_for_list: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


class LegacyServer:
    """Answers one request a connection, each connection in a thread. As a context it serves in a thread."""

    def __init__(self, address: str, port: int, behaviour: Behaviour | None = None) -> None:
        self._listener = socket.create_server((address, port), backlog=64)
        self.host = f"{address}:{self._listener.getsockname()[1]}"
        self.behaviour = behaviour or Behaviour()
        self.seen = Seen()
        self._thread = threading.Thread(target=self.serve)
        self._block = memoryview(os.urandom(_BLOCK_BYTES))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def serve(self) -> None:
        """Accept until the context ends, or for ever."""
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.seen.lock:
                self.seen.open_count += 1
            threading.Thread(target=self._serve_one, args=(sock,), daemon=True).start()

    def wait_until_idle(self) -> None:
        """Wait until every connection has ended."""
        while self.seen.open_count:
            time.sleep(0.01)

    def _serve_one(self, sock: socket.socket) -> None:
        try:
            with sock:
                self._answer(sock)
        except OSError:
            pass  # the client ended its test
        finally:
            with self.seen.lock:
                self.seen.open_count -= 1

    def _answer(self, sock: socket.socket) -> None:
        head, _, rest = _read_head(sock).partition(b"\r\n\r\n")
        method, target, *_ = head.decode("latin-1").split(" ")
        with self.seen.lock:
            self.seen.paths.append(target)
        if method == "CONNECT" and self.behaviour.tls is not None:
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with self.behaviour.tls.wrap_socket(sock, server_side=True) as inner:
                self._answer(inner)
        elif method == "POST":
            self._take(sock, head, rest)
        elif "speedtest-config" in target and self.behaviour.configuration_status != _OK:
            _send(sock, b"no", self.behaviour.configuration_status)
        elif "speedtest-servers" in target and not self.behaviour.answers:
            self.seen.asked_for_list.set()
            sock.recv(1)
        elif picture := _PICTURE.search(target):
            self._send_picture(sock, PICTURE_BYTES[int(picture[1])])
        else:
            _send(sock, self._page(target))

    def _take(self, sock: socket.socket, head: bytes, rest: bytes) -> None:
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        self._count(len(rest))
        taken = len(rest)
        buffer = bytearray(_READ_BYTES)
        while taken < size:
            count = sock.recv_into(buffer)
            if not count:
                raise ConnectionError("the client closed inside its request")
            self._count(count)
            taken += count
        _send(sock, f"size={size if self.behaviour.says_size else 500}".encode())

    def _count(self, count: int) -> None:
        with self.seen.lock:
            self.seen.uploaded_bytes += count

    def _page(self, target: str) -> bytes:
        behaviour = self.behaviour
        if "speedtest-config" in target:
            return behaviour.configuration.format(test_s=behaviour.test_s).encode()
        if "speedtest-servers" in target:
            return _SERVERS.format(host=self.host, id=behaviour.server_id).encode()
        return b"test=test\n" if behaviour.pings else b"no=no\n"

    def _send_picture(self, sock: socket.socket, size: int) -> None:
        sock.sendall(_head(size))
        while size:
            size -= sock.send(self._block[:size])


def _read_head(sock: socket.socket) -> bytes:
    octets = b""
    while b"\r\n\r\n" not in octets:
        more = sock.recv(_READ_BYTES)
        if not more:
            raise ConnectionError("the client closed before its request ended")
        octets += more
    return octets


def _head(size: int, status: int = _OK) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode()


def _send(sock: socket.socket, body: bytes, status: int = _OK) -> None:
    sock.sendall(_head(len(body), status) + body)


if __name__ == "__main__":
    LegacyServer(sys.argv[1], int(sys.argv[2])).serve()
