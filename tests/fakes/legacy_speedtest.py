"""Speedtest.net's legacy HTTP endpoints, as speedtest-cli 2.1.3 talks to them; fast enough for 500 Mbit/s.

`python -m tests.fakes.legacy_speedtest ADDRESS PORT` serves until it is ended. The configuration and the
list of servers are asked for at www.speedtest.net: set `http_proxy` to this server and `no_proxy` to its
address, and the unchanged program finds them here, and measures without a proxy in between. The numbers in
the configuration and the sizes of the pictures are those that Speedtest.net used.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading

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

_CONFIGURATION = b"""<?xml version="1.0" encoding="UTF-8"?><settings>
<client ip="192.0.2.1" lat="-7.80" lon="110.36" isp="Test" country="ID"/>
<server-config threadcount="4" ignoreids=""/>
<download testlength="10" threadsperurl="4"/>
<upload testlength="10" ratio="5" threads="2" maxchunkcount="50"/>
</settings>"""
_SERVERS = """<?xml version="1.0" encoding="UTF-8"?><settings><servers>
<server url="http://{host}/speedtest/upload.php" lat="-7.80" lon="110.36" name="Test" country="Indonesia"
 cc="ID" sponsor="Pantau" id="1" host="{host}"/>
</servers></settings>"""

_BLOCK_BYTES = 4 * 1024 * 1024
_READ_BYTES = 256 * 1024
_PICTURE = re.compile(r"/random(\d+)x\1\.jpg")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class LegacyServer:
    """Answers one request a connection, each connection in a thread."""

    def __init__(self, address: str, port: int) -> None:
        self._host = f"{address}:{port}"
        self._listener = socket.create_server((address, port), backlog=64)
        self._block = memoryview(os.urandom(_BLOCK_BYTES))

    def serve(self) -> None:
        """Accept for ever."""
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve_one, args=(sock,), daemon=True).start()

    def _serve_one(self, sock: socket.socket) -> None:
        try:
            with sock:
                self._answer(sock)
        except OSError:
            pass  # the client ended its test

    def _answer(self, sock: socket.socket) -> None:
        head, _, rest = _read_head(sock).partition(b"\r\n\r\n")
        method, target, *_ = head.decode("latin-1").split(" ")
        if method == "POST":
            size = _drain(sock, head, len(rest))
            _send(sock, f"size={size}".encode())
        elif picture := _PICTURE.search(target):
            self._send_picture(sock, PICTURE_BYTES[int(picture[1])])
        else:
            _send(sock, self._page(target))

    def _page(self, target: str) -> bytes:
        if "speedtest-config" in target:
            return _CONFIGURATION
        if "speedtest-servers" in target:
            return _SERVERS.format(host=self._host).encode()
        return b"test=test\n"

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


def _drain(sock: socket.socket, head: bytes, taken: int) -> int:
    """Read a request's body to its end; return its size."""
    length = _LENGTH.search(head)
    size = int(length[1]) if length else 0
    buffer = bytearray(_READ_BYTES)
    while taken < size:
        count = sock.recv_into(buffer)
        if not count:
            raise ConnectionError("the client closed inside its request")
        taken += count
    return size


def _head(size: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode()


def _send(sock: socket.socket, body: bytes) -> None:
    sock.sendall(_head(len(body)) + body)


if __name__ == "__main__":
    LegacyServer(sys.argv[1], int(sys.argv[2])).serve()
