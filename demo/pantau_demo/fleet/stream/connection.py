"""One MQTT 5 connection that speaks for many devices: QoS 1, within the broker's Receive Maximum."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import mqtt5

from pantau_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP_ALIVE_S = 60
_MOST_IN_FLIGHT = 200
_ANSWER_S = 20.0
_REFUSED = 0x80
_NOBODY = mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS


class Message(NamedTuple):
    """What is published; `refused` is called where nobody listens, or the broker does not want it."""

    topic: str
    payload: bytes
    content_type: str | None
    expiry_s: int | None
    refused: Callable[[], None] | None = None


class Connection(asyncio.Protocol):
    """A connection; `lost` is done once it is gone."""

    def __init__(self, client_id: str, heard: Callable[[mqtt5.PublishPacket], None]) -> None:
        """Use `connect` instead."""
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._client_id, self._heard = client_id, heard
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._room = 0
        self._free_ids = deque(range(1, _MOST_IN_FLIGHT + 1))
        self._unanswered: dict[int, Message] = {}
        self._waiting: deque[Message] = deque()

    @property
    def idle(self) -> bool:
        """Whether the broker has answered for everything."""
        return not self._waiting and not self._unanswered

    def publish(self, message: Message) -> None:
        """Send a message, as soon as the broker has room for it."""
        if self._room > 0:
            self._send(message)
        else:
            self._waiting.append(message)

    async def subscribe(self, pattern: str) -> None:
        """Subscribe with QoS 0; raises `DemoError` where the broker refuses or does not answer."""
        self._ready = asyncio.get_running_loop().create_future()
        topic = mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_MOST_ONCE)
        self._write(mqtt5.SubscribePacket(1, [topic]).write())
        await self.answered()

    async def answered(self) -> None:
        """Wait for the answer to CONNECT or SUBSCRIBE; raises `DemoError`."""
        try:
            await asyncio.wait_for(self._ready, _ANSWER_S)
        except TimeoutError:
            raise DemoError(f"the broker does not answer within {_ANSWER_S:.0f} s") from None

    async def keep_alive(self) -> None:
        """Ping the broker until the connection is lost."""
        while not self.lost.done():
            await asyncio.sleep(KEEP_ALIVE_S / 2)
            self._write(mqtt5.PingReqPacket().write())

    def close(self) -> None:
        """Say goodbye."""
        self._write(mqtt5.DisconnectPacket().write())
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves (asyncio calls this)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._write(mqtt5.ConnectPacket(self._client_id, clean_start=True, keep_alive=KEEP_ALIVE_S).write())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits (asyncio calls this)."""
        self._drop(str(exc) if exc else "the broker closed the connection")

    def data_received(self, data: bytes) -> None:
        """Take the packets that are there (asyncio calls this)."""
        buffer, offset = memoryview(self._rest + data), 0
        try:
            with contextlib.suppress(IndexError):
                while offset < len(buffer):
                    packet, size = mqtt5.read(buffer[offset:])
                    offset += size
                    self._take(packet)
        except ValueError as error:
            self._drop(f"the broker sent what is not MQTT 5: {error}")
        self._rest = bytes(buffer[offset:])

    def _take(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PubAckPacket):
            self._acknowledged(packet)
        elif isinstance(packet, mqtt5.PublishPacket):
            self._heard(packet)
        elif isinstance(packet, mqtt5.ConnAckPacket):
            self._accepted(packet)
        elif isinstance(packet, mqtt5.SubAckPacket):
            self._answer(packet.reason_codes[0].value >= _REFUSED, "the subscription to acks")
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self._drop(f"the broker ended the connection: {packet.reason_code.name}")

    def _accepted(self, packet: mqtt5.ConnAckPacket) -> None:
        self._room = min(packet.receive_max or _MOST_IN_FLIGHT, _MOST_IN_FLIGHT)
        self._answer(packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS, f"the client {self._client_id}")

    def _answer(self, refused: bool, what: str) -> None:
        if self._ready.done():
            return
        if refused:
            self._ready.set_exception(DemoError(f"the broker refuses {what}"))
        else:
            self._ready.set_result(None)

    def _acknowledged(self, packet: mqtt5.PubAckPacket) -> None:
        message = self._unanswered.pop(packet.packet_id, None)
        if message is None:
            return
        self._free_ids.append(packet.packet_id)
        self._room += 1
        nobody = packet.reason_code == _NOBODY or packet.reason_code.value >= _REFUSED
        if nobody and message.refused is not None:
            message.refused()
        if self._waiting:
            self._send(self._waiting.popleft())

    def _send(self, message: Message) -> None:
        packet_id = self._free_ids.popleft()
        self._room -= 1
        self._unanswered[packet_id] = message
        self._write(
            mqtt5.PublishPacket(
                message.topic,
                message.payload,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                packet_id=packet_id,
                content_type=message.content_type,
                message_expiry_interval=message.expiry_s,
            ).write()
        )

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _drop(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
        if not self._ready.done():
            self._ready.set_exception(DemoError(reason))
        if self._transport is not None:
            self._transport.abort()


async def connect(
    host: str, port: int, client_id: str, heard: Callable[[mqtt5.PublishPacket], None] = lambda _: None
) -> Connection:
    """Return a connection that the broker has accepted; raises `DemoError`."""
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(lambda: Connection(client_id, heard), host, port)
    except OSError as error:
        raise DemoError(
            f"cannot reach the broker at {host}:{port}: {error.strerror or error}; is it running?"
        ) from None
    await connection.answered()
    return connection
