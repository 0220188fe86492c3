"""The test server: its URL taken apart and resolved."""

from __future__ import annotations

import secrets
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.speed.transport.http1 import request_head


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One address of a test server, the id that names this test to it, and the token that it wants to see."""

    hostname: str
    port: int
    host_header: str
    base_path: str
    family: socket.AddressFamily
    sockaddr: Any
    tls: ssl.SSLContext | None
    test_id: str
    token: str | None = None

    @property
    def name(self) -> str:
        """Host and port, as people read them."""
        return server_name(self.hostname, self.port)

    def get(self, path: str) -> bytes:
        """Return the head of a GET request for a path below the URL."""
        return self._head("GET", path, None)

    def post(self, path: str, content_length: int) -> bytes:
        """Return the head of a POST request for a path below the URL."""
        return self._head("POST", path, content_length)

    def _head(self, method: str, path: str, content_length: int | None) -> bytes:
        return request_head(
            method,
            self.base_path + path,
            host=self.host_header,
            test_id=self.test_id,
            content_length=content_length,
            token=self.token,
        )


def server_name(hostname: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"


@dataclass(frozen=True, slots=True)
class Location:
    """A URL taken apart."""

    hostname: str
    port: int
    host_header: str
    base_path: str
    secure: bool


def locate(url: str) -> Location:
    """Take `url` apart. Raises ProbeError `unsupported` for one that names no server."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme in ("https", "wss")
        port = parts.port or (443 if secure else 80)
        hostname, netloc = parts.hostname, parts.netloc.rpartition("@")[2]
    except ValueError as error:
        raise ProbeError("unsupported", f"url {url!r}: {error}") from error
    if not hostname:
        raise ProbeError("unsupported", f"url {url!r} names no server")
    return Location(hostname, port, netloc, parts.path.rstrip("/"), secure)


def resolve(url: str, ca_file: str | None = None) -> list[Server]:
    """Return the server's addresses in the system's order of preference; blocks. Raises ProbeError."""
    location = locate(url)
    tls = _tls_context(ca_file) if location.secure else None
    try:
        found = socket.getaddrinfo(location.hostname, location.port, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise error_of(fault, f"look up {location.hostname}") from fault
    test_id = secrets.token_urlsafe(16)
    return [
        Server(
            hostname=location.hostname,
            port=location.port,
            host_header=location.host_header,
            base_path=location.base_path,
            family=family,
            sockaddr=sockaddr,
            tls=tls,
            test_id=test_id,
        )
        for family, _, _, _, sockaddr in found
    ]


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as fault:
        raise error_of(fault, f"read the certificates in {ca_file}") from fault
