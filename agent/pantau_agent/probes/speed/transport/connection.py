"""A non-blocking TCP or TLS connection, used by one thread that may be told to stop."""

from __future__ import annotations

import errno
import mmap
import os
import selectors
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Self

from pantau_agent.probes import tcp_info
from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.speed.transport.discard import COLLECT_BYTES, COPY_BYTES, READ_BYTES, kernel_discards
from pantau_agent.probes.speed.transport.errors import StoppedError

if TYPE_CHECKING:
    from pantau_agent.probes.speed.transport.server import Server

_TICK_S = 0.2
_OneSocketSelector = getattr(selectors, "PollSelector", selectors.DefaultSelector)
"""Waiting once for one socket: poll needs no descriptor of its own, as epoll does."""

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_IN_PROGRESS = {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN}


class Stop:
    """Tells threads to end; every wait looks at it each 200 ms."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask all to end."""
        self._event.set()

    def check(self) -> None:
        """Raise StoppedError if asked to end."""
        if self._event.is_set():
            raise StoppedError

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise StoppedError as soon as asked to end."""
        if self._event.wait(seconds):
            raise StoppedError


class Connection:
    """One connection to a test server. `receive`, `discard` and `send` return None where they would block.

    They raise ProbeError for what the system reports.
    """

    def __init__(self, sock: socket.socket, server: Server, stop: Stop) -> None:
        self.socket = sock
        self.server = server
        self._stop = stop
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._discards = kernel_discards() and not self._tls
        # Pages of a fresh mapping cost memory only once touched, which discarding never does.
        self._wakes_at_bytes = 1
        self._buffer = memoryview(mmap.mmap(-1, READ_BYTES if self._discards else COPY_BYTES))

    @classmethod
    def open(cls, server: Server, stop: Stop, timeout_s: float) -> Connection:
        """Connect, and do the TLS handshake for https. Raises ProbeError or StoppedError."""
        deadline_s = time.monotonic() + timeout_s
        sock = _new_socket(server)
        try:
            _connect(sock, server, stop, deadline_s)
            if server.tls is not None:
                sock = server.tls.wrap_socket(
                    sock, server_hostname=server.hostname, do_handshake_on_connect=False
                )
                _shake_hands(sock, server, stop, deadline_s)
        except BaseException:
            sock.close()
            raise
        return cls(sock, server, stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Let selectors watch the connection."""
        return self.socket.fileno()

    @property
    def tls(self) -> bool:
        """Whether TLS stands between us and TCP."""
        return self._tls

    @property
    def pending(self) -> bool:
        """Whether TLS holds octets that no selector sees any more."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def expect(self, size: int) -> None:
        """Say how much is certain to come: of much, the kernel may collect some before it wakes us.

        Linux also opens the receive window for it. The last of what is expected must not be held back.
        """
        wake_at = COLLECT_BYTES if self._discards and size >= 2 * COLLECT_BYTES else 1
        if wake_at != self._wakes_at_bytes:
            self._wakes_at_bytes = wake_at
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wake_at)

    def receive(self, limit: int = COPY_BYTES) -> memoryview | None:
        """Return received octets, valid until the next call; empty at the end of the connection."""
        try:
            count = self.socket.recv_into(self._buffer[: min(limit, COPY_BYTES)])
        except _WOULD_BLOCK:
            return None
        except OSError as fault:
            raise error_of(fault, f"receive from {self.server.name}") from fault
        return self._buffer[:count]

    def discard(self, limit: int) -> int | None:
        """Throw up to `limit` received octets away and return how many, 0 at the end of the connection."""
        size = min(limit, len(self._buffer))
        try:
            if self._discards:
                return self.socket.recv_into(self._buffer, size, socket.MSG_TRUNC)
            return self.socket.recv_into(self._buffer, size)
        except _WOULD_BLOCK:
            return None
        except OSError as fault:
            raise error_of(fault, f"receive from {self.server.name}") from fault

    def send(self, octets: memoryview) -> int | None:
        """Send some of `octets` and return how many."""
        try:
            return self.socket.send(octets)
        except _WOULD_BLOCK:
            return None
        except OSError as fault:
            raise error_of(fault, f"send to {self.server.name}") from fault

    def send_all(self, octets: bytes, deadline_s: float) -> None:
        """Send all of `octets`. Raises ProbeError `timeout` if the deadline passes."""
        left = memoryview(octets)
        while left:
            sent = self.send(left)
            if sent is None:
                self.wait(selectors.EVENT_WRITE, deadline_s, "send the request")
            else:
                left = left[sent:]

    def wait(self, events: int, deadline_s: float, doing: str) -> None:
        """Wait until the socket is ready. Raises ProbeError `timeout`, or StoppedError."""
        if not _is_ready(self.socket, events, self._stop, deadline_s):
            raise ProbeError("timeout", f"{doing} ({self.server.name}): no answer in time")

    def close(self) -> None:
        """Reset the connection: what is still on its way, or waits in buffers, is thrown away."""
        tcp_info.reset_on_close(self.socket)
        self.socket.close()


def _new_socket(server: Server) -> socket.socket:
    try:
        sock = socket.socket(server.family, socket.SOCK_STREAM)
    except OSError as fault:
        raise error_of(fault, "open a TCP socket") from fault
    sock.settimeout(0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect(sock: socket.socket, server: Server, stop: Stop, deadline_s: float) -> None:
    doing = f"connect to {server.name}"
    code = sock.connect_ex(server.sockaddr)
    if code in _IN_PROGRESS:
        if not _is_ready(sock, selectors.EVENT_WRITE, stop, deadline_s):
            raise ProbeError("unreachable", f"{doing}: nobody answered")
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise error_of(OSError(code, os.strerror(code)), doing)


def _shake_hands(sock: ssl.SSLSocket, server: Server, stop: Stop, deadline_s: float) -> None:
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            events = selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            events = selectors.EVENT_WRITE
        except OSError as fault:
            raise error_of(fault, f"TLS with {server.name}") from fault
        else:
            return
        if not _is_ready(sock, events, stop, deadline_s):
            raise ProbeError("timeout", f"TLS with {server.name}: no answer in time")


def _is_ready(sock: socket.socket, events: int, stop: Stop, deadline_s: float) -> bool:
    """Wait until `sock` is ready for `events`; return False at the deadline. Raises StoppedError."""
    with _OneSocketSelector() as selector:
        selector.register(sock, events)
        while (left_s := deadline_s - time.monotonic()) > 0:
            stop.check()
            if selector.select(min(left_s, _TICK_S)):
                return True
    return False
