"""The time over the wire: a device without NTP asks, and what waited for the answer is sent."""

from __future__ import annotations

import itertools
import time

import pytest
from tests.agent.support import collector as peers
from tests.agent.support.collector import Collector
from tests.agent.support.device import Device, clock_in_order, open_spool, running, until
from tests.fakes import brokers

from pantau_agent.clock import Stamp
from pantau_agent.publisher.server_clock import ServerClock
from pantau_agent.timekeeping import Timekeeper
from pantau_wire.envelope import Ack

numbers = itertools.count(1)
BOOT = "boot-without-time"
BEGAN_NS = time.monotonic_ns()


def in_1970() -> Stamp:
    """A clock without battery, some seconds after it was switched on."""
    uptime_ns = time.monotonic_ns() - BEGAN_NS
    return Stamp(time_ns=10**10 + uptime_ns, uptime_ns=uptime_ns, boot=BOOT, clock="unsynced")


class Timeless(Device):
    """A device whose clock stands in 1970; it commits when the time comes, as the agent does."""

    def __init__(self, folder, name: str, port: int, **settings: float) -> None:
        self.keeper = Timekeeper(in_1970)
        spool = open_spool(folder, timekeeper=self.keeper)
        super().__init__(spool, name, port, timekeeper=self.keeper, **settings)
        self.publisher.on_time = self.commit

    def commit(self) -> None:
        self.spool.commit()
        self.publisher.committed()

    def stamp_in_1970(self, count: int) -> None:
        for _ in range(count):
            self.spool.put(in_1970(), b'{"kind":"dns","resolver":"r","name":"n"}')
        self.commit()


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


@pytest.fixture
def embedded(tmp_path):
    with brokers.running("embedded", tmp_path) as started:
        yield started


@pytest.fixture
def name():
    return f"desa-{next(numbers)}"


@pytest.fixture
def timeless(tmp_path, broker, name):
    device = Timeless(tmp_path, name, broker.port)
    yield device
    device.spool.close()


async def test_a_device_without_time_asks_and_then_delivers_with_repaired_times(broker, name, timeless):
    """NTP blocked for good: one empty envelope, one answer, and everything that waited is on its way."""
    before_ns = time.time_ns()
    timeless.stamp_in_1970(5)
    with Collector(broker.port, name) as collector:
        async with running(timeless):
            await until(lambda: timeless.depth == 0 and collector.seqs)
    (request,) = collector.time_requests
    assert (request.header.boot, request.header.oldest_unacked_seq, request.header.attempt) == (BOOT, 1, 1)
    assert collector.seqs == [1, 2, 3, 4, 5]
    for record in collector.records():
        assert record.clock == "repaired"
        assert before_ns - 2 * 10**9 <= record.time_ns <= time.time_ns()


async def test_a_device_that_knows_the_time_does_not_ask(broker, name, spool):
    """One message less, and one more reason to keep NTP working."""
    with Collector(broker.port, name) as collector:
        async with running(Device(spool, name, broker.port)) as device:
            device.measure(3)
            await until(lambda: device.depth == 0)
            assert collector.time_requests == []


async def test_a_question_that_nobody_answers_is_asked_again_with_patience(broker, name, timeless):
    """As patiently as records are sent again, until somebody answers; nothing is sent without a time."""
    timeless.stamp_in_1970(2)
    with Collector(broker.port, name) as collector:
        collector.tell_time = peers.silent
        async with running(timeless):
            await until(lambda: len(collector.time_requests) >= 3)
            first, second, *_ = collector.time_requests
            assert second.at - first.at >= 0.3
            assert collector.envelopes == []
            collector.tell_time = peers.ack
            await until(lambda: timeless.depth == 0)


async def test_the_time_is_asked_for_while_a_backlog_is_deferred(broker, name, timeless):
    """A device that nobody has registered yet has old records deferred; those of this boot get their time."""
    timeless.spool.put(clock_in_order("boot-before"), b'{"kind":"dns","resolver":"r","name":"n"}')
    timeless.stamp_in_1970(2)
    with Collector(broker.port, name, lambda envelope: peers.deferred(envelope, 3600)) as collector:
        async with running(timeless):
            await until(lambda: timeless.keeper.known)
            await until(lambda: sorted(set(collector.seqs)) == [1, 2, 3])
            assert timeless.depth == 3


async def test_the_question_waits_while_nobody_listens(tmp_path, name, logs):
    """Mosquitto says so for an empty envelope too; then the agent pauses instead of asking on and on."""
    with brokers.running("mosquitto", tmp_path) as broker:
        device = Timeless(tmp_path, name, broker.port, first_resend_s=60, max_resend_s=60)
        async with running(device):
            await until(lambda: "publisher.not_taken" in str(logs))
            assert device.publisher._window.paused_until > time.monotonic() + 30
            assert device.publisher._server_clock.ask_at(device.publisher._window.paused_until) > (
                time.monotonic() + 30
            )
        device.spool.close()


async def test_every_ack_tells_the_time(embedded, name, spool):
    """Ordinary envelopes carry the time since boot and their acks bring it back: the offset is known."""
    with Collector(embedded.port, name) as collector:
        async with running(Device(spool, name, embedded.port)) as device:
            device.measure(1)
            await until(lambda: device.publisher.clock_offset_ms is not None)
            (envelope,) = collector.envelopes
            assert 0 < envelope.header.sent_uptime_ns <= time.monotonic_ns()
            assert abs(device.publisher.clock_offset_ms) < 1000


async def test_a_collector_that_does_not_bring_it_back_gives_no_time(broker, name, timeless):
    """An answer of which nobody knows what it answers may be old."""
    with Collector(broker.port, name) as collector:
        collector.tell_time = lambda envelope: peers.ack(envelope, sent_uptime_ns=None)
        async with running(timeless):
            await until(lambda: len(collector.time_requests) >= 2)
            assert not timeless.keeper.known


def test_the_offset_counts_the_way_of_the_ack():
    """Half of what lies between sending and answer has passed since the collector read its clock."""
    readings = iter(
        [
            Stamp(18 * 10**17, 0, "b", "unsynced"),
            *[Stamp(18 * 10**17 + 5 * 10**9, 10**10, "b", "unsynced")] * 3,
        ]
    )
    server = ServerClock(Timekeeper(lambda: next(readings)), lambda _: 1.0)
    server.answered(Ack(spool="s", time_ns=18 * 10**17, sent_uptime_ns=8 * 10**9))
    assert server.offset_ms == 4000.0


def test_each_connection_asks_at_once():
    """Who did not answer on the last one says nothing about this one."""
    server = ServerClock(Timekeeper(in_1970), lambda attempt: 30.0 * attempt)
    assert server.ask_at(5.0) == 5.0
    assert (server.asked(100.0), server.ask_at(0.0)) == (30.0, 130.0)
    assert (server.asked(130.0), server.ask_at(0.0)) == (60.0, 190.0)
    server.connected()
    assert server.ask_at(0.0) == 0.0
