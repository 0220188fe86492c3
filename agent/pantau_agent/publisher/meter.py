"""Who counts what the publisher puts on the line. The publisher knows no more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket


class Meter(Protocol):
    """Is told of each connection, from any thread."""

    def opened(self, line: socket.socket) -> None:
        """Take note of a new connection; TLS stands already."""
        ...

    def closing(self, line: socket.socket) -> None:
        """Take note that this connection is about to be closed."""
        ...

    def failed(self, *, tls: bool) -> None:
        """Take note of an attempt that led to no connection."""
        ...

    def carried(self, *, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Take note of a message's payload."""
        ...


class NoMeter:
    """Counts nothing."""

    def opened(self, line: socket.socket) -> None:
        """Ignore it."""

    def closing(self, line: socket.socket) -> None:
        """Ignore it."""

    def failed(self, *, tls: bool) -> None:
        """Ignore it."""

    def carried(self, *, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Ignore it."""
