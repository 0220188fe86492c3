"""An agent's side of the line: publishes with QoS 1 through paho, and collects the acks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.collector.ingest.envelopes import envelope
from tests.collector.ingest.waiting import until
from tests.fakes.brokers import HOST

from pantau_wire import codec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.fakes.brokers import Broker

    from pantau_wire.envelope import Ack, Deferred, Rejected


class Device:
    """A device with one spool. What it was told stands in `stored`, `rejected` and `deferred`, by number."""

    def __init__(self, broker: Broker, name: str) -> None:
        self.name = name
        self.acks: list[Ack] = []
        self.stored: set[int] = set()
        self.rejected: dict[int, Rejected] = {}
        self.deferred: dict[int, Deferred] = {}
        self._port = broker.port
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5, reconnect_on_failure=True
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._client.subscribe(f"pantau/v1/{name}/ack", qos=1)
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._answered
        self.ready = False

    def publish(self, payload: bytes, content_type: str | None = codec.JSON, topic: str = "") -> None:
        """Send a payload on the device's own topic, unless another is given."""
        properties = Properties(PacketTypes.PUBLISH)
        if content_type is not None:
            properties.ContentType = content_type
        topic = topic or f"pantau/v1/{self.name}/measurements"
        self._client.publish(topic, payload, qos=1, properties=properties)

    def send(self, seqs: Iterable[int], **values: object) -> None:
        """Send an envelope of good records with these numbers."""
        self.publish(*envelope(seqs, device=self.name, **values))

    async def start(self) -> None:
        self._client.connect(HOST, self._port)
        self._client.loop_start()
        await until(lambda: self.ready)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribed(self, *_: object) -> None:
        self.ready = True

    def _disconnected(self, *_: object) -> None:
        self.ready = False

    def _answered(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        ack = codec.decode_ack(message.payload, message.properties.ContentType)
        self.stored |= {seq for first, last in ack.stored for seq in range(first, last + 1)}
        self.rejected |= {entry.seq: entry for entry in ack.rejected}
        for entry in ack.deferred:
            self.deferred |= dict.fromkeys(range(entry.first_seq, entry.last_seq + 1), entry)
        self.acks.append(ack)  # last, for whoever waits for it


@contextlib.asynccontextmanager
async def connected(broker: Broker, name: str = "desa-1") -> AsyncIterator[Device]:
    """Yield a device that hears its acks."""
    device = Device(broker, name)
    await device.start()
    try:
        yield device
    finally:
        device.stop()
