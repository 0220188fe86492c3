"""One connection to the broker that hears everybody's acks: what a simulated fleet speaks through."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import mqtt5

from pantau_wire import codec, topics

if TYPE_CHECKING:
    from pantau_wire.envelope import Ack


class AckListener(asyncio.Protocol):
    """Introduces itself, subscribes to all acks, and hands them to `acked`. `subscribed` is done then."""

    client_id: str
    keep_alive_s: int

    def __init__(self) -> None:
        """Hear nothing yet; to be made in a running event loop."""
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""

    def acked(self, device: str, ack: Ack) -> None:
        """Take what a device was told."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves, and ask for everybody's acks (asyncio calls this)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        connect = mqtt5.ConnectPacket(self.client_id, clean_start=True, keep_alive=self.keep_alive_s)
        transport.write(connect.write())
        acks = mqtt5.TopicFilter(f"{topics.PREFIX}/+/ack", max_qos=mqtt5.QoS.AT_MOST_ONCE)
        transport.write(mqtt5.SubscribePacket(1, [acks]).write())

    def data_received(self, data: bytes) -> None:
        """Hand over the acks that are there (asyncio calls this)."""
        buffer = memoryview(self._rest + data)
        offset = 0
        with contextlib.suppress(IndexError):
            while offset < len(buffer):
                packet, size = mqtt5.read(buffer[offset:])
                offset += size
                self._handle(packet)
        self._rest = bytes(buffer[offset:])

    def close(self) -> None:
        """Go away."""
        self._transport.abort()

    def _handle(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PublishPacket):
            device, _ = topics.parse(packet.topic)
            self.acked(device, codec.decode_ack(packet.payload, packet.content_type))
        elif isinstance(packet, mqtt5.SubAckPacket):
            self.subscribed.set_result(None)
