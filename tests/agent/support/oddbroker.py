"""A broker that misbehaves as it is told: withholds PUBACKs, stops reading, offers odd limits."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Self

import mqtt5

from pantau_wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_wire.envelope import Ack


class OddBroker:
    """Serves one device at a time. `on_publish` sees each envelope and may write to its connection."""

    def __init__(
        self, on_publish: Callable[[OddBroker, mqtt5.PublishPacket], None] = lambda *_: None, **connack: Any
    ) -> None:
        self._on_publish = on_publish
        self._connack = connack
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.connections = 0
        self.refused_topics: set[str] = set()
        self.published: list[mqtt5.PublishPacket] = []
        self.reading = asyncio.Event()
        self.reading.set()

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # a line that is soon full
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.reading.set()
        self._server.close()
        self.hang_up()
        await asyncio.sleep(0.05)

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    def puback(self, packet: mqtt5.PublishPacket, **reason: Any) -> None:
        self._writer.write(mqtt5.PubAckPacket(packet.packet_id, **reason).write())

    def ack(self, device: str, answer: Ack) -> None:
        payload, content_type = codec.encode(answer)
        topic = f"pantau/v1/{device}/ack"
        self._writer.write(mqtt5.PublishPacket(topic, payload, content_type=content_type).write())

    @property
    def envelopes(self) -> list[codec.Decoded]:
        return [
            codec.decode_envelope(bytes(packet.payload), packet.content_type, 2**62)
            for packet in self.published
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writer = writer
        rest = b""
        try:
            while data := await reader.read(1024):
                rest = self._handle_all(rest + data)
                await self.reading.wait()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    def _handle_all(self, data: bytes) -> bytes:
        while data:
            try:
                packet, size = mqtt5.read(data)
            except IndexError:
                break
            data = data[size:]
            self._handle(packet)
        return data

    def _handle(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.ConnectPacket):
            self._writer.write(mqtt5.ConnAckPacket(**self._connack).write())
        elif isinstance(packet, mqtt5.SubscribePacket):
            granted, refused = (
                mqtt5.SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE,
                mqtt5.SubAckReasonCode.NOT_AUTHORIZED,
            )
            patterns = [one.pattern for one in packet.topic_filters]
            reasons = [refused if pattern in self.refused_topics else granted for pattern in patterns]
            self._writer.write(mqtt5.SubAckPacket(packet.packet_id, reasons).write())
        elif isinstance(packet, mqtt5.PingReqPacket):
            self._writer.write(mqtt5.PingRespPacket().write())
        elif isinstance(packet, mqtt5.PublishPacket) and packet.topic.endswith("/measurements"):
            self.published.append(packet)
            self._on_publish(self, packet)
