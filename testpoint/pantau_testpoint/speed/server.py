"""The HTTP server: accepts connections, looks after their time limits, ends them all."""

import asyncio
import contextlib
import socket
from typing import Self

from pantau_testpoint.speed.admission import Admission
from pantau_testpoint.speed.connection import Connection, Shared
from pantau_testpoint.speed.endpoints import Endpoints, Health
from pantau_testpoint.speed.garbage import RandomBlock
from pantau_testpoint.speed.guard import Guard
from pantau_testpoint.speed.limits import Limits


class SpeedServer:
    """Serves on a listening socket for as long as the context lasts; closes the socket with it."""

    def __init__(
        self,
        sock: socket.socket,
        admission: Admission,
        health: Health,
        limits: Limits | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._listener = sock
        self._admission = admission
        self._health = health
        self._limits = limits or Limits()
        self._guard = guard
        self._exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            shared = Shared(
                endpoints=Endpoints(self._admission, self._health, loop.time, self._guard),
                garbage=stack.enter_context(RandomBlock()),
                limits=self._limits,
                clock=loop.time,
            )
            stack.push_async_callback(_end_all, shared.connections)
            server = await loop.create_server(lambda: Connection(shared), sock=self._listener)
            stack.callback(server.close)
            sweeper = loop.create_task(_sweep(shared))
            stack.push_async_callback(_cancel, sweeper)
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()


async def _sweep(shared: Shared) -> None:
    while True:
        await asyncio.sleep(shared.limits.sweep_s)
        now = shared.clock()
        for connection in list(shared.connections):
            connection.check(now)


async def _end_all(connections: set[Connection]) -> None:
    """Abort every connection and wait until each has given back what it held."""
    await asyncio.sleep(0)  # one that was being accepted when the listener closed
    ending = list(connections)
    for connection in ending:
        connection.abort()
    for connection in ending:
        await connection.lost.wait()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
