"""The server as it was found: its address, and the paths of the dialect that it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantau_agent.probes.speed.transport.server import Server

MAX_GARBAGE_MIB = 1024
"""What LibreSpeed serves at most in one response."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Paths below the configured URL."""

    garbage: str
    empty: str


DIALECTS = (
    Dialect("/garbage", "/empty"),
    Dialect("/backend/garbage.php", "/backend/empty.php"),
    Dialect("/garbage.php", "/empty.php"),
)
"""In the order in which they are tried: ours and the Go and Rust servers, PHP, the PHP folder itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server, and what it speaks."""

    server: Server
    dialect: Dialect
