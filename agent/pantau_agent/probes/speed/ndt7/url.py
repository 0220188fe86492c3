"""Where an ndt7 server is, and what stands in its URL's query: access tokens, for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.transport.server import resolve

if TYPE_CHECKING:
    from pantau_agent.probes.speed.transport.server import Server

DOWNLOAD_PATH = "/ndt/v7/download"
UPLOAD_PATH = "/ndt/v7/upload"


@dataclass(frozen=True, slots=True)
class Ndt7Server:
    """One address of a server, and the query that its URL had."""

    server: Server
    query: str

    def request_target(self, path: str) -> str:
        """Return what stands in a request's first line (RFC 9112, section 3.2)."""
        target = base_path(self.server.base_path) + path
        return f"{target}?{self.query}" if self.query else target


def base_path(path: str) -> str:
    """Return what precedes ndt7's own paths: URLs that M-Lab's locate service hands out name one already."""
    return path.removesuffix(DOWNLOAD_PATH).removesuffix(UPLOAD_PATH)


def resolve_ndt7(url: str, ca_file: str | None) -> list[Ndt7Server]:
    """Return the server's addresses in the system's order of preference; blocks. Raises ProbeError."""
    if not url.isascii():
        raise ProbeError("unsupported", "url: write it with ASCII letters only (percent-encoded)")
    servers = resolve(url, ca_file)
    query = urlsplit(url).query
    return [Ndt7Server(server, query) for server in servers]
