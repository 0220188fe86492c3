"""How much is in flight, and what a hostile or broken device can do about it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import zlib
from typing import TYPE_CHECKING

import mqtt5
import pytest
from tests.collector.ingest.collecting import CONFIG, collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.envelopes import bad_record, envelope, envelope_of, record
from tests.collector.ingest.tap import tapped
from tests.collector.ingest.waiting import until
from tests.fakes.brokers import HOST

from pantau_wire import codec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.brokers import Broker

A_WHILE_S = 0.3
RECEIVE_MAX = 25


async def test_the_session_ends_with_the_connection(broker: Broker, tmp_path: Path):
    """A collector connects so that a dead one holds nothing back, and says how much it takes at once."""
    async with tapped(broker) as tap, collecting(tap.port, tmp_path, receive_max=RECEIVE_MAX):
        (connect,) = tap.of(mqtt5.ConnectPacket)
        assert (connect.clean_start, connect.session_expiry_interval) == (True, 0)
        assert (connect.receive_max, connect.keep_alive) == (RECEIVE_MAX, 15)
        (subscribe,) = tap.of(mqtt5.SubscribePacket)
        assert [one.pattern for one in subscribe.topic_filters] == ["$share/ingest/pantau/v1/+/measurements"]


async def test_receive_maximum_is_honoured(broker: Broker, tmp_path: Path):
    """No more messages are in flight than the collector allows, and all come when it goes on."""
    if broker.kind == "embedded":
        pytest.skip(
            "rumqttd ignores the Receive Maximum: it has up to 100 messages in flight, whatever it is told"
        )
    async with (
        tapped(broker) as tap,
        collecting(tap.port, tmp_path, receive_max=RECEIVE_MAX) as collector,
        connected(broker) as device,
    ):
        collector.store.free.clear()
        for seq in range(1, 101):
            device.send([seq])
        await until(lambda: _taken(tap) == RECEIVE_MAX)
        await asyncio.sleep(A_WHILE_S)
        assert _taken(tap) == RECEIVE_MAX
        collector.store.free.set()
        await until(lambda: device.stored == set(range(1, 101)))


def _taken(tap) -> int:
    return sum(isinstance(packet, mqtt5.PublishPacket) for packet in tap.received)


GARBAGE = {
    "nothing": (b"", codec.JSON),
    "noise": (bytes(range(256)) * 40, None),
    "no content type of ours": (b"{}", "text/html; charset=\N{HOUSE BUILDING}"),
    "an abyss of brackets": (b"[" * 250_000, codec.JSON),
    "an abyss of objects": (b'{"v":' * 50_000, codec.JSON),
    "a bomb": (zlib.compress(b"[" * 2**25), codec.DEFLATED_JSON),
    "larger than the limit": (b"1" * (codec.MAX_PAYLOAD_BYTES + 1), codec.JSON),
    "another device's": envelope([1], device="desa-2"),
    "a huge version": (b'{"v":' + b"9" * 100_000 + b"}", codec.JSON),
    "a newer version": (b'{"v":2,"device":"desa-1","spool":"s1","measurements":[{"seq":1}]}', codec.JSON),
}


async def test_garbage_does_not_stop_the_ingest(broker: Broker, tmp_path: Path):
    """After each kind of garbage the next good envelope is stored, and what is refused is kept."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for seq, (payload, content_type) in enumerate(GARBAGE.values(), 101):
            device.publish(payload, content_type)
            device.send([seq])
            await until(lambda: seq in device.stored)  # noqa: B023 - it waits here
        kept = len(GARBAGE) - 1  # a newer version is deferred
        assert collector.letters.count() == kept
        assert device.deferred[1].reason == "newer_agent"


async def test_wrong_topics_do_not_stop_the_ingest(broker: Broker, tmp_path: Path):
    """What arrives under a reserved or impossible id is kept and not answered."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for name in ("collector-1", "groups", "de sa", "\N{HOUSE BUILDING}", "x" * 300):
            device.publish(*envelope([1]), topic=f"pantau/v1/{name}/measurements")
        device.send([2])
        await until(lambda: collector.letters.count() == 5)
        await until(lambda: device.stored == {2})
        assert {letter.reason for letter in collector.letters.list()} == {"invalid_topic"}


async def test_thousands_of_bad_records_at_once(broker: Broker, tmp_path: Path):
    """What a broken device sends in one breath is answered in acks that can be sent."""
    config = CONFIG.model_copy(update={"batch_delay_s": 1.0})
    async with collecting(broker.port, tmp_path, config=config), connected(broker) as device:
        for first in range(1, 4001, 1000):
            device.publish(*envelope_of(*map(bad_record, range(first, first + 1000))))
        await until(lambda: set(device.rejected) == set(range(1, 4001)))


async def test_the_wrong_quality_of_service_does_no_harm(broker: Broker, tmp_path: Path):
    """Messages of QoS 0, and retained ones, are stored like any other."""
    async with collecting(broker.port, tmp_path), connected(broker) as device:
        payload, content_type = envelope([1])
        topic = "pantau/v1/desa-1/measurements"
        _raw(broker, _packet(topic, payload, content_type=content_type))
        payload, content_type = envelope([2])
        _raw(broker, _packet(topic, payload, content_type=content_type, retain=True))
        await until(lambda: device.stored == {1, 2})


HOSTILE_PROPERTIES = {
    "a content type that is not UTF-8": b"\x03\x00\x01\xff",
    "a content type of surrogates": b"\x03\x00\x03\xed\xa0\x80",
    "a content type with a null": b"\x03\x00\x02a\x00",
    "two content types": b"\x03\x00\x01a\x03\x00\x01b",
    "an unknown property": b"\x55\x01",
    "a user property that is not UTF-8": b"\x26\x00\x01\xff\x00\x01v",
    "a response topic with a wildcard": b"\x08\x00\x01#",
    "a payload format that lies": b"\x01\x01",
    "a topic alias": b"\x23\x00\x01",
    "a subscription id": b"\x0b\x01",
}


async def test_hostile_packets_do_not_stop_the_ingest(broker: Broker, tmp_path: Path):
    """A packet with properties that no decent client sends stops neither broker nor collector."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for seq, properties in enumerate(HOSTILE_PROPERTIES.values(), 1):
            _raw(broker, _hostile_packet(properties))
            await asyncio.sleep(0.05)
            await until(lambda: collector.ingest.broker_connected)
            device.send([seq])
            await until(lambda: seq in device.stored)  # noqa: B023 - it waits here


async def test_an_expired_message_does_not_stop_the_ingest(broker: Broker, tmp_path: Path):
    """A message that expires in the broker is no hindrance to the next one."""
    if broker.kind == "embedded":
        pytest.skip("rumqttd stops serving a shared subscription at the first message that expired in it")
    async with collecting(broker.port, tmp_path), connected(broker) as device:
        _raw(broker, _hostile_packet(b"\x02\x00\x00\x00\x00"))
        device.send([1])
        await until(lambda: device.stored == {1})


def _hostile_packet(properties: bytes) -> bytes:
    topic = b"pantau/v1/desa-1/measurements"
    body = len(topic).to_bytes(2) + topic + bytes([len(properties)]) + properties + b"\xff\xfe"
    return bytes([0x30, len(body)]) + body


def _packet(topic: str, payload: bytes, *, content_type: str, retain: bool = False) -> bytes:
    return mqtt5.PublishPacket(topic, payload, content_type=content_type, retain=retain).write()


def _raw(broker: Broker, packets: bytes) -> None:
    """Send packets as a client that nobody wrote with care, and go away."""
    with socket.create_connection((HOST, broker.port), timeout=10) as line:
        line.sendall(mqtt5.ConnectPacket("raw", clean_start=True, keep_alive=60).write())
        assert line.recv(1000)
        line.sendall(packets)
        line.sendall(mqtt5.DisconnectPacket().write())
        line.settimeout(2)
        with contextlib.suppress(ConnectionResetError):  # a broker may answer nonsense so
            while line.recv(1000):
                pass


async def test_large_envelopes_are_taken(broker: Broker, tmp_path: Path):
    """The largest envelope that an agent may send, deflated or not, passes brokers and collector."""
    async with collecting(broker.port, tmp_path), connected(broker) as device:
        payload, content_type = envelope_of(*map(record, range(1, 1001)))
        assert content_type == codec.DEFLATED_JSON
        device.publish(payload, content_type)
        device.publish(_padded(1001))
        await until(lambda: device.stored == set(range(1, 1002)))


def _padded(seq: int) -> bytes:
    """A plain envelope of exactly as many bytes as are allowed."""
    text = codec.unpack(*envelope([seq]))
    return text + b" " * (codec.MAX_PAYLOAD_BYTES - len(text))
