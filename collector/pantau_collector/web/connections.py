"""Bounds on connections: the portal must not take away what the ingest needs, whoever connects to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

MAX_CONNECTIONS = 400  # of the 1024 files that a service may have open by default
HEAD_TIMEOUT_S = 20.0


class BoundedProtocol(H11Protocol):
    """Closes connections above `MAX_CONNECTIONS`, and those that send no complete request head in time."""

    _patience: asyncio.TimerHandle | None = None
    _last_request: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or hang up where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._look)

    def _look(self) -> None:
        """Hang up where nothing is being answered and no request has come since the last look."""
        request: RequestResponseCycle | None = self.cycle
        answering = request is not None and not request.response_complete
        if request is self._last_request and not answering:
            self.transport.close()
            return
        self._last_request = request
        self._wait()
