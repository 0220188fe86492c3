"""The upgrade of a connection to WebSocket (RFC 6455, section 4), as ndt7 wants it."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

from pantau_agent.probes.speed.transport.errors import ProtocolError
from pantau_agent.probes.speed.transport.http1 import MAX_HEAD_BYTES, Head, expect_success, parse_head
from pantau_wire import __version__

if TYPE_CHECKING:
    from pantau_agent.probes.speed.ndt7.url import Ndt7Server

SUBPROTOCOL = "net.measurementlab.ndt.v7"
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_SWITCHING = 101
_HEAD_END = b"\r\n\r\n"


class Upgrade:
    """One upgrade: its request, and its answer as it comes. Raises ProtocolError and RefusedError."""

    def __init__(self, peer: Ndt7Server, path: str) -> None:
        """Prepare the request for a path such as `/ndt/v7/download`."""
        self._path = path
        self._key = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
        self._buffer = bytearray()
        self.done = False
        lines = [
            f"GET {peer.request_target(path)} HTTP/1.1",
            f"Host: {peer.server.host_header}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {self._key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            f"User-Agent: pantau-agent/{__version__}",
        ]
        self.request = "\r\n".join([*lines, "", ""]).encode("latin-1")

    def feed(self, octets: memoryview) -> memoryview:
        """Take received octets; return those that follow the answer."""
        self._buffer += octets
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            self._check_beginning()
            return octets[:0]
        self._check(parse_head(bytes(self._buffer[:end])))
        self.done = True
        return memoryview(bytes(self._buffer[end + len(_HEAD_END) :]))

    def _check_beginning(self) -> None:
        if not b"HTTP/".startswith(bytes(self._buffer[:5])) or len(self._buffer) > MAX_HEAD_BYTES:
            raise ProtocolError(f"no HTTP response: {bytes(self._buffer[:40])!r}")

    def _check(self, head: Head) -> None:
        if head.status != _SWITCHING:
            expect_success(head, self._path)
            raise ProtocolError(f"HTTP {head.status} for {self._path}: no WebSocket there")
        if head.headers.get("upgrade", "").lower() != "websocket":
            raise ProtocolError("the server switches to another protocol than WebSocket")
        if head.headers.get("sec-websocket-accept") != accept_of(self._key):
            raise ProtocolError("Sec-WebSocket-Accept does not belong to our key")
        if head.headers.get("sec-websocket-protocol") != SUBPROTOCOL:
            raise ProtocolError(f"the server does not choose the subprotocol {SUBPROTOCOL}")
        if "sec-websocket-extensions" in head.headers:
            raise ProtocolError("the server chooses a WebSocket extension that we did not offer")


def accept_of(key: str) -> str:
    """Return what a server answers to a key (RFC 6455, section 4.2.2)."""
    digest = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()
