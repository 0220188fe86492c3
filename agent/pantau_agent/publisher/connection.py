"""One MQTT 5 connection, on paho. It is not revived: when it is lost, a new one is made.

So paho never re-sends anything by itself; what is sent again, and when, is the window's decision.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pantau_agent.errors import ConfigError, ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pantau_agent.config import BrokerConfig

NO_MATCHING_SUBSCRIBERS = 0x10
_CONNECT_TIMEOUT_S = 20.0
_DEFAULT_MAX_PACKET_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered for a message; it promises nothing but that somebody may have got it."""

    message_id: int
    nobody_listens: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message came in."""

    payload: bytes
    content_type: str | None


Event = Lost | Published | Arrived


class Connection:
    """A connection that stands, once `open` has returned it. Events arrive in `events`."""

    def __init__(self, client: paho.Client, events: asyncio.Queue[Event], max_packet_bytes: int) -> None:
        """Use `open` instead."""
        self._client = client
        self.events = events
        self.max_packet_bytes = max_packet_bytes

    def publish(
        self,
        topic: str,
        payload: bytes,
        content_type: str,
        expiry_s: float | None = None,
        *,
        retain: bool = False,
    ) -> int:
        """Hand a message to the broker with QoS 1; return the id that `Published` will carry."""
        properties = _properties(PacketTypes.PUBLISH, ContentType=content_type)
        if expiry_s is not None:
            properties.MessageExpiryInterval = int(expiry_s) + 1
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    async def close(self) -> None:
        """Say goodbye to the broker and end the thread."""
        self._client.on_disconnect = None
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)


async def open_connection(
    config: BrokerConfig, device: str, will: tuple[str, bytes], subscribe: str
) -> Connection:
    """Connect, subscribe, and return the connection; raises `ConnectionFailedError`."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[Event] = asyncio.Queue()
    subscribed: asyncio.Future[int] = loop.create_future()
    client = _make_client(config, device, will)
    _wire_callbacks(client, subscribe, _poster(loop, events, subscribed))
    try:
        await asyncio.to_thread(_connect, client, config)
        client.loop_start()
        max_packet_bytes = await asyncio.wait_for(subscribed, _CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, ConnectionFailedError) as error:
        client.on_disconnect = None
        await asyncio.to_thread(client.loop_stop)
        raise ConnectionFailedError(f"{config.host}:{config.port}: {str(error) or 'no answer'}") from None
    return Connection(client, events, max_packet_bytes)


def _make_client(config: BrokerConfig, device: str, will: tuple[str, bytes]) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=device, protocol=paho.MQTTv5, reconnect_on_failure=False
    )
    client.will_set(will[0], will[1], qos=1, retain=True)
    client.max_inflight_messages_set(0xFFFF)
    if config.username is not None:
        secret = config.password.get_secret_value() if config.password is not None else None
        client.username_pw_set(config.username, secret)
    if config.ca_file is not None:
        try:
            client.tls_set(_text(config.ca_file), _text(config.cert_file), _text(config.key_file))
        except (OSError, ValueError) as error:
            raise ConfigError(f"broker: cannot use the certificates: {error}") from None
    return client


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _properties(packet_type: int, **values: Any) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _connect(client: paho.Client, config: BrokerConfig) -> None:
    properties = _properties(PacketTypes.CONNECT, SessionExpiryInterval=0)
    client.connect(
        config.host, config.port, keepalive=config.keepalive_s, clean_start=True, properties=properties
    )


def _poster(
    loop: asyncio.AbstractEventLoop, events: asyncio.Queue[Event], subscribed: asyncio.Future[int]
) -> Callable[[Event | int], None]:
    """Return a function that paho's thread may call: an event, or the packet size once subscribed."""

    def deliver(event: Event | int) -> None:
        if isinstance(event, int):
            if not subscribed.done():
                subscribed.set_result(event)
        elif isinstance(event, Lost) and not subscribed.done():
            subscribed.set_exception(ConnectionFailedError(event.reason))
        else:
            events.put_nowait(event)

    def post(event: Event | int) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, event)

    return post


def _wire_callbacks(client: paho.Client, subscribe: str, post: Callable[[Event | int], None]) -> None:
    max_packet_bytes = _DEFAULT_MAX_PACKET_BYTES

    def on_connect(_c: paho.Client, _u: Any, _f: Any, reason: Any, properties: Properties | None) -> None:
        nonlocal max_packet_bytes
        if reason.is_failure:
            post(Lost(f"the broker refuses us: {reason}"))
            return
        max_packet_bytes = min(max_packet_bytes, getattr(properties, "MaximumPacketSize", max_packet_bytes))
        client.subscribe(subscribe, qos=0)

    def on_subscribe(_c: paho.Client, _u: Any, _mid: int, reasons: list[Any], _p: Any) -> None:
        if reasons[0].is_failure:
            post(Lost(f"the broker refuses the subscription to {subscribe}: {reasons[0]}"))
        else:
            post(max_packet_bytes)

    def on_disconnect(_c: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        post(Lost(str(reason)))

    def on_publish(_c: paho.Client, _u: Any, mid: int, reason: Any, _p: Any) -> None:
        post(Published(mid, reason.value == NO_MATCHING_SUBSCRIBERS))

    def on_message(_c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        post(Arrived(bytes(message.payload), getattr(message.properties, "ContentType", None)))

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_disconnect = on_disconnect
    client.on_publish = on_publish
    client.on_message = on_message
