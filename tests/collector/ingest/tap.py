"""A wire tap between collector and broker: what each of them sends, packet by packet."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import mqtt5
from tests.fakes.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.brokers import Broker


@dataclass
class Tap:
    """Forwards bytes both ways. `sent` and `received` are the collector's packets."""

    broker: Broker
    sent: list[mqtt5.Packet] = field(default_factory=list)
    received: list[mqtt5.Packet] = field(default_factory=list)
    port: int = 0
    _lines: set[asyncio.Task[None]] = field(default_factory=set)

    def of(self, kind: type) -> list[mqtt5.Packet]:
        """What the collector has sent of one type of packet."""
        return [packet for packet in self.sent if isinstance(packet, kind)]

    def cut(self) -> None:
        """Break all connections, as a router that restarts does."""
        for line in self._lines:
            line.cancel()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect through to the broker, and forward until either side ends or the line is cut."""
        line = asyncio.current_task()
        self._lines.add(line)
        up_reader, up_writer = await asyncio.open_connection(HOST, self.broker.port)
        ways = (
            _forward(reader, up_writer, self.sent),
            _forward(up_reader, writer, self.received),
        )
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*ways)
        writer.transport.abort()
        up_writer.transport.abort()
        self._lines.discard(line)

    async def drained(self) -> None:
        """Cut, and return when nothing is left."""
        lines = set(self._lines)
        self.cut()
        await asyncio.gather(*lines)


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[mqtt5.Packet]
) -> None:
    rest = b""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            rest = _take_packets(rest + data, seen)
            writer.write(data)
    writer.close()


def _take_packets(data: bytes, seen: list[mqtt5.Packet]) -> bytes:
    with contextlib.suppress(IndexError):
        while data:
            packet, size = mqtt5.read(data)
            seen.append(packet)
            data = data[size:]
    return data


@contextlib.asynccontextmanager
async def tapped(broker: Broker) -> AsyncIterator[Tap]:
    """Yield a tap; a collector connects to its `port`."""
    tap = Tap(broker)
    server = await asyncio.start_server(tap.accept, HOST, 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        await tap.drained()
