"""An HTTP server that answers with exactly the octets, and the pauses, that the test gives it."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence


@dataclass
class Pages:
    """Where the server is, and what it was asked."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    sent_bytes: int = 0


@asynccontextmanager
async def serving(
    answer: Sequence[bytes | float], tls: ssl.SSLContext | None = None, *, unasked: bool = False
) -> AsyncIterator[Pages]:
    """Answer every request with the octets of `answer`, wait where it holds seconds, then close.

    With `unasked` that happens on connection already.
    """
    pages = Pages()
    busy: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if not unasked:
                pages.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await _send(writer, answer, pages)
        writer.close()
        busy.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    pages.port = server.sockets[0].getsockname()[1]
    async with server:
        yield pages
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, answer: Sequence[bytes | float], pages: Pages) -> None:
    for part in answer:
        if isinstance(part, bytes):
            writer.write(part)
            await writer.drain()
            pages.sent_bytes += len(part)
        else:
            await asyncio.sleep(part)
