"""A collector for the agent's tests: it stores nothing, writes down what came, and answers as it is told."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from pantau_wire import codec, ranges, topics
from pantau_wire.envelope import Ack, Deferred, Record, Rejected, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_wire.envelope import Header

Answer = Ack | bytes | None


@dataclass(frozen=True)
class Received:
    """An envelope as it arrived: `records` are the bytes of each record, by `seq`."""

    header: Header
    records: dict[int, bytes]
    properties: Any
    payload_bytes: int
    at: float = field(default_factory=time.monotonic)

    @property
    def seqs(self) -> list[int]:
        return list(self.records)


Policy = "Callable[[Received], Answer]"


def silent(_: Received) -> Answer:
    return None


def stored(envelope: Received) -> Ack:
    return ack(envelope, stored=tuple(ranges.from_numbers(envelope.seqs)))


def rejected(envelope: Received) -> Ack:
    return ack(envelope, rejected=tuple(Rejected(seq=seq, reason="invalid_record") for seq in envelope.seqs))


def deferred(envelope: Received, retry_after_s: float = 1.0) -> Ack:
    entries = [
        Deferred(first_seq=first, last_seq=last, retry_after_s=retry_after_s, reason="unregistered")
        for first, last in ranges.from_numbers(envelope.seqs)
    ]
    return ack(envelope, deferred=tuple(entries))


def ack(envelope: Received, **answers: Any) -> Ack:
    header = envelope.header
    echo = header.sent_uptime_ns
    return Ack(**{"spool": header.spool, "time_ns": time.time_ns(), "sent_uptime_ns": echo, **answers})


class Collector:
    """Listens to one device; `policy` answers each envelope and may be changed at any time.

    Envelopes without records ask for the time: they are kept apart, and `tell_time` answers.
    """

    def __init__(self, port: int, device: str, policy: Callable[[Received], Answer] = stored) -> None:
        self.policy = policy
        self.tell_time: Callable[[Received], Answer] = ack
        self.time_requests: list[Received] = []
        self.device = device
        self.envelopes: list[Received] = []
        self.statuses: list[Status] = []
        self._subscribed = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, f"collector-for-{device}", protocol=paho.MQTTv5
        )
        self._client.reconnect_delay_set(0.1, 0.3)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._port = port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        deadline = time.monotonic() + 20
        while not self._subscribed:
            assert time.monotonic() < deadline, "the broker took no subscription"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def seqs(self) -> list[int]:
        """Every seq in the order of its arrival, repetitions included."""
        return [seq for envelope in list(self.envelopes) for seq in envelope.seqs]

    def records(self) -> list[Record]:
        """Every record that came, decoded."""
        found = [data for envelope in list(self.envelopes) for data in envelope.records.values()]
        return [msgspec.json.decode(data, type=Record) for data in found]

    def record_versions(self) -> dict[int, set[bytes]]:
        """The different bytes that came for each seq: one, if the promise holds."""
        versions: dict[int, set[bytes]] = {}
        for envelope in list(self.envelopes):
            for seq, data in envelope.records.items():
                versions.setdefault(seq, set()).add(data)
        return versions

    def send(self, answer: Ack | bytes) -> None:
        payload, content_type = codec.encode(answer) if isinstance(answer, Ack) else (answer, None)
        properties = None
        if content_type is not None:
            properties = paho.Properties(paho.PacketTypes.PUBLISH)
            properties.ContentType = content_type
        self._client.publish(topics.topic(self.device, "ack"), payload, properties=properties)

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        options = SubscribeOptions(qos=1)
        client.subscribe([(topics.topic(self.device, name), options) for name in ("measurements", "status")])

    def _on_subscribe(self, *_: Any) -> None:
        self._subscribed = True

    def _on_message(self, _client: paho.Client, _user: Any, message: paho.MQTTMessage) -> None:
        if message.topic.endswith("/status"):
            self.statuses.append(codec.decode_status(message.payload, codec.JSON))
            return
        envelope = _received(message)
        answers = self.policy if envelope.records else self.tell_time
        (self.envelopes if envelope.records else self.time_requests).append(envelope)
        answer = answers(envelope)
        if answer is not None:
            self.send(answer)


class _Records(msgspec.Struct):
    measurements: list[msgspec.Raw]


class _Seq(msgspec.Struct):
    seq: int


def _received(message: paho.MQTTMessage) -> Received:
    content_type = message.properties.ContentType
    decoded = codec.decode_envelope(message.payload, content_type, time.time_ns())
    assert decoded.refused == (), decoded.refused
    deflated = content_type == codec.DEFLATED_JSON
    text = zlib.decompress(message.payload) if deflated else message.payload
    raw = [bytes(record) for record in msgspec.json.decode(text, type=_Records).measurements]
    records = {msgspec.json.decode(record, type=_Seq).seq: record for record in raw}
    return Received(decoded.header, records, message.properties, len(message.payload))
