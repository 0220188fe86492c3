"""A small MQTT 5 client: the `mqtt5` codec on an asyncio protocol of our own.

It does what the ingest needs (one shared subscription, PUBACKs when the caller says so, QoS 0 publishes) and
the operator (one retained message), and no more. A connection is not revived; make a new one. Packet ids mean
nothing afterwards, so acks that are pending when the connection is lost are dropped: the device sends again.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import mqtt5

from pantau_collector.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pantau_collector.config import BrokerConfig

_ANSWER_TIMEOUT_S = 20.0
_REFUSED = 0x80  # MQTT 5, 2.4: reason codes from here on are failures
_Answer = TypeVar("_Answer", mqtt5.ConnAckPacket, mqtt5.SubAckPacket, mqtt5.PubAckPacket)


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """Where and as whom to connect. `receive_max` bounds the unacknowledged messages."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: bytes | None = None
    keepalive_s: int = 15
    receive_max: int = 1000
    max_packet_bytes: int = 300_000
    tls: ssl.SSLContext | None = None


class MqttConnection(asyncio.Protocol):
    """A connection; `lost` is done once it is gone. `keepalive_s` is what the broker wants, or we."""

    def __init__(self, on_message: Callable[[mqtt5.PublishPacket], None]) -> None:
        """Use `connect` instead."""
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        self.keepalive_s = 0.0
        self._on_message = on_message
        self._answers: dict[type[object], asyncio.Future[object]] = {}
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._ping_pending = False
        self._held_back = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Decode as many packets as are there and wanted (asyncio calls this)."""
        buffer = memoryview(self._rest + data if self._rest else data)
        offset = 0
        try:
            while offset < len(buffer) and not self._held_back:
                packet, size = mqtt5.read(buffer[offset:])
                offset += size
                self._handle(packet)
        except IndexError:
            pass  # the rest of the packet is still on its way
        except ValueError as error:
            self._drop(f"the broker sent what is not MQTT 5: {error}")
        self._rest = bytes(buffer[offset:])

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits (asyncio calls this)."""
        self._drop(str(exc) if exc else "the broker closed the connection")

    def hold_back(self) -> None:
        """Take no packet until `go_on`, not even one that was read: the broker has to wait."""
        self._held_back = True
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Take packets again, first those that were read already."""
        if not self._held_back or self.lost.done():
            return
        self._held_back = False
        self._ping_pending = False  # its answer could not be seen
        self.data_received(b"")
        if not self._held_back and self._transport is not None:
            self._transport.resume_reading()

    def ack(self, packet_ids: Iterable[int]) -> None:
        """Answer for messages: the broker forgets them."""
        self._write(b"".join(mqtt5.PubAckPacket(packet_id).write() for packet_id in packet_ids))

    def publish(self, messages: Iterable[tuple[str, bytes, str]]) -> None:
        """Send (topic, payload, content type) with QoS 0."""
        self._write(
            b"".join(
                mqtt5.PublishPacket(topic, payload, content_type=content_type).write()
                for topic, payload, content_type in messages
            )
        )

    async def retain(self, topic: str, payload: bytes, content_type: str) -> None:
        """Have the broker keep a message for the topic; raises `BrokerError` where it refuses."""
        packet = mqtt5.PublishPacket(
            topic,
            payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain=True,
            packet_id=1,
            content_type=content_type,
        )
        answer = await self._ask(packet.write(), mqtt5.PubAckPacket)
        if answer.reason_code.value >= _REFUSED:
            raise BrokerError(f"the broker refuses the message for {topic}: {answer.reason_code.name}")

    async def subscribe(self, pattern: str) -> None:
        """Subscribe with QoS 1; raises `BrokerError` where the broker refuses."""
        packet = mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE)])
        answer = await self._ask(packet.write(), mqtt5.SubAckPacket)
        reason = answer.reason_codes[0]
        if reason.value >= _REFUSED:
            raise BrokerError(f"the broker refuses the subscription to {pattern}: {reason.name}")

    async def keep_alive(self) -> None:
        """Ping the broker until the connection is lost; drop it when a ping stays unanswered."""
        while not self.lost.done():
            await asyncio.sleep(self.keepalive_s / 2)
            if self._ping_pending and not self._held_back:
                self._drop("the broker does not answer")
            self._ping_pending = True
            self._write(mqtt5.PingReqPacket().write())

    def close(self) -> None:
        """Say goodbye."""
        self._write(mqtt5.DisconnectPacket().write())
        if self._transport is not None:
            self._transport.close()  # flushes what was written, then `connection_lost`

    async def handshake(self, options: ConnectOptions) -> None:
        """Send CONNECT and wait for the answer; raises `BrokerError` where the broker refuses."""
        packet = mqtt5.ConnectPacket(
            options.client_id,
            username=options.username,
            password=options.password,
            clean_start=True,
            keep_alive=options.keepalive_s,
            session_expiry_interval=0,
            receive_max=options.receive_max,
            max_packet_size=options.max_packet_bytes,
        )
        answer = await self._ask(packet.write(), mqtt5.ConnAckPacket)
        if answer.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            raise BrokerError(f"the broker refuses the collector: {answer.reason_code.name}")
        self.keepalive_s = answer.server_keep_alive or options.keepalive_s

    async def _ask(self, data: bytes, kind: type[_Answer]) -> _Answer:
        if self.lost.done():
            raise BrokerError(self.lost.result())
        waiting: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._answers[kind] = waiting
        self._write(data)
        try:
            answer = await asyncio.wait_for(waiting, _ANSWER_TIMEOUT_S)
        except TimeoutError:
            raise BrokerError(f"the broker does not answer within {_ANSWER_TIMEOUT_S:.0f} s") from None
        assert isinstance(answer, kind)
        return answer

    def _handle(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PublishPacket):
            self._on_message(packet)
        elif isinstance(packet, mqtt5.PingRespPacket):
            self._ping_pending = False
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self._drop(f"the broker ended the connection: {packet.reason_code.name}")
        else:
            waiting = self._answers.pop(type(packet), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(packet)

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _drop(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(BrokerError(reason))
        self._answers.clear()
        if self._transport is not None:
            self._transport.abort()


def connect_options(config: BrokerConfig) -> ConnectOptions:
    """Return the options that a configuration means; raises `ConfigError` for unusable certificates."""
    password = config.password.get_secret_value().encode() if config.password else None
    return ConnectOptions(
        host=config.host,
        port=config.port,
        client_id=config.client_id,
        username=config.username,
        password=password,
        keepalive_s=config.keepalive_s,
        receive_max=config.receive_max,
        tls=_tls_context(config) if config.ca_file else None,
    )


def _tls_context(config: BrokerConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file:
            context.load_cert_chain(config.cert_file, config.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"broker: cannot use the certificates: {error}") from None
    return context


async def connect(
    options: ConnectOptions, on_message: Callable[[mqtt5.PublishPacket], None]
) -> MqttConnection:
    """Return a connection that the broker has accepted; raises `BrokerError`."""
    loop = asyncio.get_running_loop()
    where = f"{options.host}:{options.port}"
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            _, connection = await loop.create_connection(
                lambda: MqttConnection(on_message), options.host, options.port, ssl=options.tls
            )
    except (OSError, TimeoutError) as error:
        raise BrokerError(f"cannot reach the broker at {where}: {str(error) or 'no answer'}") from None
    try:
        await connection.handshake(options)
    except BaseException:  # a cancelled caller leaves no open socket either
        connection.close()
        raise
    return connection
