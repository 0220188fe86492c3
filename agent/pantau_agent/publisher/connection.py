"""One MQTT 5 connection, on paho. It is not revived: when it is lost, a new one is made.

So paho never re-sends anything by itself; what is sent again, and when, is the window's decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from pantau_agent.errors import ConfigError, ConnectionFailedError
from pantau_agent.i18n import _
from pantau_agent.imports import without
from pantau_agent.publisher.meter import NoMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pantau_agent.config import BrokerConfig
    from pantau_agent.publisher.meter import Meter

with without("dns"):  # paho would load dnspython at once: 5 MiB for SRV records that we do not ask for
    import paho.mqtt.client as paho

log = structlog.get_logger()

NO_MATCHING_SUBSCRIBERS = 0x10
_NOT_YET_VALID = 9  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID
_CONNECT_TIMEOUT_S = 20.0
_GOODBYE_S = 3.0
_DEFAULT_MAX_PACKET_BYTES = 256 * 1024
_NEEDED_PACKET_BYTES = 4096  # holds any record; a broker that takes less is set up wrong
_IN_FLIGHT = 10  # the window's eight envelopes, the status, and a question for the time


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered for a message: why nobody got it, or None if somebody may have got it."""

    message_id: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message came in."""

    topic: str
    payload: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Committed:
    """There may be something new to send."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The status has something new to say."""


Event = Lost | Published | Arrived | Committed | Reported


class Connection:
    """A connection that stands, once `open` has returned it. Events arrive in `events`."""

    def __init__(
        self, client: paho.Client, events: asyncio.Queue[Event], max_packet_bytes: int, meter: Meter
    ) -> None:
        """Use `open` instead."""
        self._client = client
        self._meter = meter
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
        self._meter.carried(tx_bytes=len(payload))
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    async def close(self) -> None:
        """Say goodbye to the broker and end the thread."""
        await _end(self._client)


async def open_connection(
    config: BrokerConfig,
    device: str,
    will: tuple[str, bytes],
    subscribe: str,
    also: Sequence[str] = (),
    *,
    meter: Meter | None = None,
) -> Connection:
    """Connect, subscribe, and return the connection; raises `ConnectionFailedError`.

    The connection stands without the topics in `also`, which a broker may refuse; that is logged.
    """
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[Event] = asyncio.Queue()
    subscribed: asyncio.Future[int] = loop.create_future()
    client = _make_client(config, device, will)
    meter = meter or NoMeter()
    _wire_callbacks(client, subscribe, also, _poster(loop, events, subscribed))
    _wire_meter(client, meter)
    connecting = asyncio.ensure_future(asyncio.to_thread(_connect, client, config, meter))
    try:
        await asyncio.shield(connecting)
        client.loop_start()
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            max_packet_bytes = await subscribed
    except BaseException as error:
        await asyncio.gather(connecting, return_exceptions=True)  # a thread cannot be cancelled
        await _end(client)
        if isinstance(error, OSError | UnicodeError | ConnectionFailedError):  # TimeoutError is an OSError
            raise ConnectionFailedError(f"{config.host}:{config.port}: {_reason(error)}") from None
        raise
    return Connection(client, events, max_packet_bytes, meter)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _NOT_YET_VALID:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        return f"the broker's certificate is not valid yet; this device's clock, at {today}, is wrong: set it"
    return str(error) or "no answer"


async def _end(client: paho.Client) -> None:
    """Disconnect and wait for the thread; a line that takes not even a goodbye is cut."""
    client.on_disconnect = None
    client.disconnect()
    stopping = asyncio.ensure_future(asyncio.to_thread(client.loop_stop))
    done, _ = await asyncio.wait([stopping], timeout=_GOODBYE_S)
    if not done and (line := client.socket()) is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(cast("socket.socket", line), socket.SHUT_RDWR)
    await stopping


def tls_context(config: BrokerConfig) -> ssl.SSLContext | None:
    """Return what TLS needs, None for a plain connection; raises `ConfigError` for unusable files."""
    if config.ca_file is None:
        return None
    files = [file for file in (config.ca_file, config.cert_file, config.key_file) if file is not None]
    for file in files:
        _check_readable(file)
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None:
            context.load_cert_chain(config.cert_file, config.key_file, password="")  # never ask a terminal
    except (OSError, ValueError) as error:
        raise ConfigError(f"broker: cannot use {', '.join(map(str, files))}: {error}") from None
    return context


def _check_readable(file: Path) -> None:
    """Raise `ConfigError`, which names the file as ssl's own error does not."""
    try:
        file.open("rb").close()
    except OSError as error:
        reason = _("cannot read {file}: {reason}").format(file=file, reason=error.strerror)
        raise ConfigError(f"broker: {reason}") from None


def _make_client(config: BrokerConfig, device: str, will: tuple[str, bytes]) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=device, protocol=paho.MQTTv5, reconnect_on_failure=False
    )
    client.max_inflight_messages_set(_IN_FLIGHT)
    client.will_set(will[0], will[1], qos=1, retain=True)
    if config.username is not None:
        secret = config.password.value if config.password is not None else None
        client.username_pw_set(config.username, secret)
    context = tls_context(config)
    if context is not None:
        client.tls_set_context(context)
    return client


def _properties(packet_type: int, **values: Any) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _connect(client: paho.Client, config: BrokerConfig, meter: Meter) -> None:
    properties = _properties(PacketTypes.CONNECT, SessionExpiryInterval=0)
    try:
        client.connect(
            config.host, config.port, keepalive=config.keepalive_s, clean_start=True, properties=properties
        )
    except OSError:
        meter.failed(tls=config.ca_file is not None)
        raise


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


def _wire_callbacks(
    client: paho.Client, subscribe: str, also: Sequence[str], post: Callable[[Event | int], None]
) -> None:
    max_packet_bytes = _DEFAULT_MAX_PACKET_BYTES

    def on_connect(_c: paho.Client, _u: Any, _f: Any, reason: Any, properties: Properties | None) -> None:
        nonlocal max_packet_bytes
        if reason.is_failure:
            post(Lost(f"the broker refuses us: {reason}"))
            return
        max_packet_bytes = min(max_packet_bytes, getattr(properties, "MaximumPacketSize", max_packet_bytes))
        in_flight = getattr(properties, "ReceiveMaximum", _IN_FLIGHT)
        if max_packet_bytes < _NEEDED_PACKET_BYTES or in_flight < _IN_FLIGHT:
            offer = f"{in_flight} messages in flight and packets of {max_packet_bytes} bytes"
            post(Lost(f"the broker allows {offer}; {_IN_FLIGHT} and {_NEEDED_PACKET_BYTES} are needed"))
            return
        client.subscribe([(subscribe, SubscribeOptions(0)), *((name, SubscribeOptions(1)) for name in also)])

    def on_subscribe(_c: paho.Client, _u: Any, _mid: int, reasons: list[Any], _p: Any) -> None:
        if reasons[0].is_failure:
            post(Lost(f"the broker refuses the subscription to {subscribe}: {reasons[0]}"))
        else:
            post(max_packet_bytes)
        refused = [name for name, granted in zip(also, reasons[1:], strict=False) if granted.is_failure]
        if refused:
            log.warning("publisher.subscription_refused", topics=refused)

    def on_disconnect(_c: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        post(Lost(str(reason)))

    def on_publish(_c: paho.Client, _u: Any, mid: int, reason: Any, _p: Any) -> None:
        refused = reason.is_failure or reason.value == NO_MATCHING_SUBSCRIBERS
        post(Published(mid, str(reason) if refused else None))

    def on_message(_c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        content_type = getattr(message.properties, "ContentType", None)
        post(Arrived(message.topic, bytes(message.payload), content_type))

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_disconnect = on_disconnect
    client.on_publish = on_publish
    client.on_message = on_message


def _wire_meter(client: paho.Client, meter: Meter) -> None:
    """Tell the meter of each connection and of each message that comes in."""
    take = client.on_message

    def on_message(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        meter.carried(rx_bytes=len(message.payload))
        if take is not None:
            take(client, userdata, message)

    client.on_message = on_message
    client.on_socket_open = lambda _c, _u, line: meter.opened(cast("socket.socket", line))
    client.on_socket_close = lambda _c, _u, line: meter.closing(cast("socket.socket", line))
