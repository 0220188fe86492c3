"""Runs the portal on a socket that is bound already, inside the collector's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from pantau_collector.web.connections import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import ASGIApp

    from pantau_collector.web.tls import ServerCertificate

_GRACE_S = 1
_MAX_HEAD_BYTES = 16_384
_PROXY_ADDRESSES = ["127.0.0.1", "::1"]


class _Server(uvicorn.Server):
    """Leaves the signals to the collector, which stops its parts in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    behind_proxy: bool = False,
    certificate: ServerCertificate | None = None,
) -> None:
    """Serve until cancelled; requests under way get a second to finish. With a certificate, by TLS."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips=_PROXY_ADDRESSES,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_context_factory=(lambda _config, _default: certificate.context) if certificate else None,
    )
    # asyncio sets it only where it made the socket itself. A page's head and body are two writes, and without
    # it the second waits 40 ms for the browser's delayed ack of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(config)
    async with _following(certificate):
        await _serve(server, listener)


@contextlib.asynccontextmanager
async def _following(certificate: ServerCertificate | None) -> AsyncIterator[None]:
    """Take a renewed certificate meanwhile."""
    if certificate is None:
        yield
        return
    following = asyncio.create_task(certificate.follow())
    try:
        yield
    finally:
        following.cancel()


async def _serve(server: _Server, listener: socket.socket) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
