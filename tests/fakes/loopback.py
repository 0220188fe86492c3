"""Real bytes over the loopback."""

from __future__ import annotations

import socket


def send_over_loopback(size_bytes: int) -> None:
    """Send so many bytes through a TCP connection of our own, and receive them all."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as near,
        listener.accept()[0] as far,
    ):
        sent = received = 0
        while received < size_bytes:
            sent += near.send(bytes(min(65536, size_bytes - sent))) if sent < size_bytes else 0
            received += len(far.recv(1 << 20))
