"""Orders of events that a well-behaved broker rarely shows, and a disk that fails under the publisher."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import socket
import threading
import time

import mqtt5
import paho.mqtt.client as paho
import pytest
from tests.agent.support.device import Device, clock_in_order, running, until
from tests.agent.support.oddbroker import OddBroker

from pantau_agent.errors import SpoolDamagedError, SpoolError
from pantau_agent.publisher import connection
from pantau_agent.publisher import publisher as module
from pantau_agent.publisher.meter import NoMeter
from pantau_wire import ranges
from pantau_wire.envelope import Ack, Dropped, Header

NAME = "desa-1"


def answer(broker, packet):
    """Answer `stored` as a collector would."""
    envelope = broker.envelopes[broker.published.index(packet)]
    seqs = ranges.from_numbers(record.seq for record in envelope.records)
    broker.ack(NAME, Ack(spool=envelope.header.spool, time_ns=time.time_ns(), stored=tuple(seqs)))


def ack_before_puback(broker, packet):
    answer(broker, packet)
    broker.puback(packet)


def puback_twice(broker, packet):
    broker.puback(packet)
    answer(broker, packet)
    broker.puback(packet)


@pytest.mark.parametrize("behave", [ack_before_puback, puback_twice])
async def test_the_order_of_puback_and_ack_does_not_matter(spool, behave):
    """They come from two programs, so either may be first; a second PUBACK means nothing."""
    async with OddBroker(behave) as broker, running(Device(spool, NAME, broker.port)) as device:
        for _ in range(20):
            device.measure(1)
            await asyncio.sleep(0)
        await until(lambda: device.depth == 0)
        await until(lambda: not device.publisher._tickets)
        await until(lambda: device.publisher._window.in_flight_count == 0)
        assert broker.connections == 1


async def test_without_pubacks_and_without_acks_the_connection_is_made_anew(spool, logs):
    """A broker that takes bytes and answers nothing is dead, whatever TCP says."""
    async with OddBroker() as broker, running(Device(spool, NAME, broker.port)) as device:
        device.measure(1)
        await until(lambda: broker.connections >= 2)
        assert device.depth == 1
        assert "the broker does not acknowledge" in str(logs)


async def test_tickets_do_not_pile_up_when_acks_come_and_pubacks_never(spool, monkeypatch):
    """Message ids are 65,535; those that wait for a PUBACK are counted, and the connection made anew."""
    monkeypatch.setattr(module, "_PUBACKS_MISSING", 5)
    async with OddBroker(answer) as broker, running(Device(spool, NAME, broker.port)) as device:
        while broker.connections < 2:
            device.measure(1)
            await asyncio.sleep(0.01)
            assert len(device.publisher._tickets) <= 6
        await until(lambda: device.depth == 0)


async def test_a_message_id_used_again_belongs_to_the_new_envelope(spool, monkeypatch):
    """After 65,535 messages the ids begin anew."""
    ids = itertools.cycle([65_534, 65_535, 1, 2])
    monkeypatch.setattr(paho.Client, "_mid_generate", lambda _: next(ids))
    async with OddBroker(ack_before_puback) as broker, running(Device(spool, NAME, broker.port)) as device:
        for _ in range(6):
            device.measure(1)
            await until(lambda: device.depth == 0 and not device.publisher._tickets)
        assert len({packet.packet_id for packet in broker.published}) < len(broker.published) == 6


async def test_a_refusal_of_the_broker_is_not_a_delivery(spool, logs):
    """Not authorised, quota exceeded, too large: the envelope is kept, and the reason logged once."""

    def refuse(broker, packet):
        broker.puback(packet, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED)

    async with OddBroker(refuse) as broker, running(Device(spool, NAME, broker.port)) as device:
        device.measure(1)
        await until(lambda: len(broker.published) >= 2)
        assert device.depth == 1
    (line,) = [entry for entry in logs if entry["event"] == "publisher.not_taken"]
    assert line["reason"] == "Not authorized"


async def test_a_broker_with_too_small_a_window_is_named(spool, logs):
    """Sending more than its Receive Maximum would be a protocol error, again and again."""
    async with (
        OddBroker(receive_max=5) as broker,
        running(Device(spool, NAME, broker.port), connected=False),
    ):
        await until(lambda: "allows 5 messages in flight" in str(logs))


async def test_the_end_does_not_wait_for_a_broker_that_stopped_reading(spool, monkeypatch):
    """SIGTERM must end the agent although the line is stuck: after a while it is cut."""
    monkeypatch.setattr(connection, "_GOODBYE_S", 0.5)
    connect = paho.Client._create_socket_connection

    def narrow(client):
        line = connect(client)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return line

    monkeypatch.setattr(paho.Client, "_create_socket_connection", narrow)
    async with OddBroker() as broker:
        device = Device(spool, NAME, broker.port, first_resend_s=60, max_resend_s=60)
        for _ in range(8):
            spool.put(clock_in_order(), b'{"kind":"dns","x":"' + os.urandom(100_000).hex().encode() + b'"}')
        async with running(device):
            broker.reading.clear()
            device.measure(1)
            await until(lambda: device.publisher._window.in_flight_count >= 6)
            began = time.monotonic()
        assert 0.5 <= time.monotonic() - began < 20


async def test_a_stop_while_connecting_leaves_nothing_behind(spool):
    """Cancelled between TCP connect and CONNACK, the thread ends and the socket is closed."""

    class Deaf(OddBroker):
        def _handle(self, packet):
            pass

    async with Deaf() as broker:
        device = Device(spool, NAME, broker.port)
        async with running(device, connected=False):
            await until(lambda: broker.connections)
        await until(lambda: "paho" not in str(threading.enumerate()))


class FailingSpool:
    """A spool whose disk refuses as long as it is told to."""

    def __init__(self, spool):
        self._spool = spool
        self.error = None

    def __getattr__(self, name):
        found = getattr(self._spool, name)
        if self.error is None or name not in ("peek", "ack", "dropped", "reject"):
            return found
        raise self.error


async def test_a_disk_that_fails_under_the_publisher_is_survived(spool, logs, monkeypatch):
    """It is logged once, nothing is forgotten, and publishing goes on when the disk is back."""
    monkeypatch.setattr(module, "_SPOOL_PAUSE_S", 0.05)
    failing = FailingSpool(spool)
    async with OddBroker(ack_before_puback) as broker:
        device = Device(spool, NAME, broker.port)
        device.publisher._outbox = failing
        async with running(device):
            failing.error = SpoolError("disk I/O error")
            device.measure(3)
            await asyncio.sleep(0.5)
            assert device.depth == 3
            failing.error = None
            await until(lambda: device.depth == 0)
    assert [entry["event"] for entry in logs if "spool" in entry["event"]] == [
        "publisher.spool_failing",
        "publisher.spool_recovered",
    ]


async def test_an_ack_that_the_disk_did_not_take_is_asked_for_again(spool, monkeypatch):
    """The envelope stays unanswered and is sent once more; the collector says `stored` again."""
    monkeypatch.setattr(module, "_SPOOL_PAUSE_S", 0.05)
    failing = FailingSpool(spool)

    def fail_then_answer(broker, packet):
        failing.error = SpoolError("database is locked") if len(broker.published) == 1 else None
        ack_before_puback(broker, packet)

    async with OddBroker(fail_then_answer) as broker:
        device = Device(spool, NAME, broker.port)
        device.publisher._outbox = failing
        async with running(device):
            device.measure(1)
            await until(lambda: failing.error)
            await asyncio.sleep(0.3)
            failing.error = None
            await until(lambda: device.depth == 0)
            assert len(broker.published) == 2


async def test_a_damaged_spool_ends_the_publisher(spool):
    """The agent then starts again, and puts the damaged file aside."""
    failing = FailingSpool(spool)
    failing.error = SpoolDamagedError("malformed")
    async with OddBroker() as broker:
        device = Device(spool, NAME, broker.port)
        publisher = device.publisher
        publisher._outbox = failing
        spool.put(clock_in_order(), b"{}")
        spool.commit()
        with pytest.raises(SpoolDamagedError):
            await asyncio.wait_for(publisher.run(), 20)


async def test_a_commit_is_never_missed(spool):
    """Told while it waits, while it sends, or between the two: the publisher sends at once."""
    async with OddBroker(ack_before_puback) as broker, running(Device(spool, NAME, broker.port)) as device:
        for pause_s in [0, 0.001, 0.002, 0.003, 0.005, 0.01] * 15:
            device.measure(1)
            await asyncio.sleep(pause_s)
        began = time.monotonic()
        await until(lambda: device.depth == 0)
        assert time.monotonic() - began < 10


def header(dropped=()):
    return Header(v=1, device=NAME, agent="0", spool="s", boot="b", oldest_unacked_seq=1, dropped=dropped)


def test_an_envelope_takes_as_much_as_fits_and_announces_what_it_can(spool):
    """Records first; where one alone is nearly too much, fewer dropped ranges travel with it."""
    for _ in range(10):
        spool.put(clock_in_order(), b'{"kind":"dns","x":"' + os.urandom(1000).hex().encode() + b'"}')
    spool.commit()
    records = spool.peek(1, 10, 10)
    dropped = tuple(
        Dropped(first_seq=seq * 10**12, last_seq=seq * 10**12, reason="spool_full") for seq in range(1, 101)
    )
    numbering = spool.eras.of_seq(1)
    packed = module.pack(header(dropped), records, 1800, numbering)
    assert packed.seqs == [1]
    assert 0 < len(packed.dropped) < 100
    assert len(packed.payload) <= 1800
    assert module.pack(header(dropped), records, 900, numbering) is None
    assert len(module.pack(header(), records, 10**6, numbering).seqs) == 10


async def test_no_event_is_lost_when_it_arrives_as_the_wait_ends(spool, monkeypatch):
    """Thousands of waits that end just when something comes: each event is handed out once, in order."""
    device = Device(spool, NAME, 1)
    line = connection.Connection(None, asyncio.Queue(), 0, NoMeter())
    rng = random.Random(11)
    monkeypatch.setattr(
        device.publisher._window, "wake_at", lambda _: time.monotonic() + rng.uniform(0, 0.0003)
    )

    async def produce():
        for number in range(1000):
            line.events.put_nowait(connection.Lost(str(number)))
            await asyncio.sleep(rng.uniform(0, 0.0003))

    producing = asyncio.create_task(produce())
    taken = []
    while len(taken) < 1000:
        event = await device.publisher._next_event(line)
        if event is not None:
            taken.append(int(event.reason))
    await producing
    assert taken == list(range(1000))
