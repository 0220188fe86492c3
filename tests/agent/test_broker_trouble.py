"""What the agent does when the broker is away, refuses, or sets limits; and what others learn of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from tests.agent.support import collector as peers
from tests.agent.support.collector import Collector
from tests.agent.support.device import Device, clock_in_order, running, until
from tests.agent.support.mosquitto import tuned
from tests.fakes import brokers
from tests.fakes.brokers import HOST
from tests.fakes.certificates import Authority

from pantau_agent.config import BrokerConfig
from pantau_agent.errors import ConfigError, ConnectionFailedError
from pantau_agent.publisher import connection
from pantau_agent.publisher.connection import Connection, open_connection, tls_context

NAME = "desa-1"


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


@pytest.fixture
def published(monkeypatch):
    """The moments in which the agent published envelopes."""
    moments = []
    publish = Connection.publish

    def noting(line, topic, *args, **options):
        if topic.endswith("/measurements"):
            moments.append(time.monotonic())
        return publish(line, topic, *args, **options)

    monkeypatch.setattr(Connection, "publish", noting)
    return moments


def events(logs, name):
    return [entry for entry in logs if entry["event"] == name]


async def test_a_killed_broker_loses_nothing(broker, spool):
    """Killed twice while envelopes are on their way: each record arrives, and its bytes never change."""
    with Collector(broker.port, NAME, peers.silent) as collector:
        async with running(Device(spool, NAME, broker.port, envelope_records=5)) as device:
            for round_number in range(2):
                device.measure(30, name=f"round-{round_number}.id")
                await until(lambda: f"round-{round_number}.id" in str(collector.envelopes))  # noqa: B023
                broker.kill()
                device.measure(10, name="without-broker.id")
                await asyncio.to_thread(broker.start)
            collector.policy = peers.stored
            await until(lambda: device.depth == 0)
    versions = collector.record_versions()
    assert sorted(versions) == list(range(1, 81))
    assert {len(found) for found in versions.values()} == {1}
    assert spool.state().stored_count == 80


async def test_what_was_measured_without_a_broker_is_held_to_the_rate_of_the_backlog(
    broker, spool, published
):
    """After hours without a line nothing passes for live but what is measured from then on."""
    device = Device(spool, NAME, broker.port, envelope_records=10, backlog_records_per_s=25)
    broker.kill()
    async with running(device, connected=False):
        await until(lambda: device.publisher._transitions.connected is False)
        device.measure(50)
        await asyncio.to_thread(broker.start)
        with Collector(broker.port, NAME):
            await until(lambda: device.depth == 0)
    assert len(published) >= 5
    assert published[-1] - published[0] > 0.4 * (len(published) - 1) - 0.3


async def test_when_nobody_listens_the_agent_pauses_and_keeps(tmp_path, spool, logs, published):
    """Mosquitto says so in its PUBACK (0x10): one envelope finds out, the others wait, one line is logged."""
    with brokers.running("mosquitto", tmp_path) as broker:
        async with running(Device(spool, NAME, broker.port, envelope_records=1)) as device:
            for _ in range(20):
                device.measure(1)
                await asyncio.sleep(0.05)
            await until(lambda: events(logs, "publisher.not_taken"))
            assert device.depth == 20
            assert len(published) < 10, "it went on sending to nobody"
            with Collector(broker.port, NAME) as collector:
                await until(lambda: device.depth == 0)
            assert {len(found) for found in collector.record_versions().values()} == {1}
    assert len(events(logs, "publisher.not_taken")) == 1
    assert len(events(logs, "publisher.taken_again")) == 1


async def test_no_packet_exceeds_what_the_broker_takes(tmp_path, spool):
    """Many records, and a hundred dropped ranges to announce, pass a broker that takes 5,000 bytes."""
    with (
        tuned(tmp_path, "max_packet_size 5000") as broker,
        Collector(broker.port, NAME) as collector,
    ):
        device = Device(spool, NAME, broker.port)
        for _ in range(300):
            device.measure(1, name=os.urandom(90).hex())
        for seq in range(2, 300, 2):
            spool.give_up([seq], "too_large")
        async with running(device):
            await until(lambda: device.depth == 0)
        assert max(envelope.payload_bytes for envelope in collector.envelopes) < 5000
        assert sorted(collector.seqs) == [1, *range(3, 300, 2), 300]


async def test_a_record_that_can_never_fit_is_dropped_and_counted(tmp_path, spool):
    """It does not go round for ever, and its neighbours go through."""
    with (
        tuned(tmp_path, "max_packet_size 5000") as broker,
        Collector(broker.port, NAME) as collector,
    ):
        device = Device(spool, NAME, broker.port)
        device.measure(1)
        spool.put(clock_in_order(), b'{"kind":"dns","x":"' + os.urandom(4000).hex().encode() + b'"}')
        device.measure(1)
        async with running(device):
            await until(lambda: device.depth == 0)
            await until(lambda: spool.dropped() == [])
        assert sorted(collector.seqs) == [1, 3]
        announced = {entry.reason for envelope in collector.envelopes for entry in envelope.header.dropped}
        assert announced == {"too_large"}
        assert (spool.state().stored_count, spool.state().dropped_count) == (2, 1)


async def test_a_broker_that_takes_too_little_for_any_record_costs_none(tmp_path, spool, logs):
    """A limit set too low is the broker's mistake: it is named, and everything is kept."""
    with tuned(tmp_path, "max_packet_size 1000") as broker:
        device = Device(spool, NAME, broker.port)
        device.measure(3)
        async with running(device, connected=False):
            await until(lambda: events(logs, "publisher.disconnected"))
        assert "10 and 4096 are needed" in events(logs, "publisher.disconnected")[0]["reason"]
        assert device.depth == 3


async def test_others_see_it_online_and_stopped(broker, spool):
    """The status is retained: whoever subscribes later learns it too."""
    async with running(Device(spool, NAME, broker.port)) as device:
        with Collector(broker.port, NAME) as early:
            await until(lambda: early.statuses)
            assert early.statuses[-1].state == "online"
            device.measure(1)
            await until(lambda: device.depth == 0)
    with Collector(broker.port, NAME) as late:
        await until(lambda: late.statuses)
        assert [status.state for status in late.statuses] == ["stopped"]


async def test_a_wrong_password_is_logged_once_and_tried_again_with_patience(tmp_path, spool, logs):
    """A technician reads one line; the broker is not hammered."""
    with tuned(tmp_path, "allow_anonymous false") as broker:
        device = Device(spool, NAME, broker.port)
        async with running(device, connected=False):
            await until(lambda: events(logs, "publisher.disconnected"))
            await asyncio.sleep(1.5)
        attempts = (tmp_path / "mosquitto.log").read_text().count("New connection from")
    assert 3 <= attempts <= 30
    (line,) = events(logs, "publisher.disconnected")
    assert "Not authorized" in line["reason"]


class Refusing:
    """A port where each connection is counted and ended at once."""

    def __enter__(self):
        self.count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self._listener.accept()[0].close()
                self.count += 1


async def test_a_broker_that_hangs_up_at_once_is_not_hammered(spool, logs):
    """Attempts are counted: with spread 0 at most ten a second, by default minutes apart; one log line."""
    with Refusing() as refusing:
        async with running(Device(spool, NAME, refusing.port), connected=False):
            await asyncio.sleep(2)
        assert 2 <= refusing.count <= 21
    assert len(events(logs, "publisher.disconnected")) == 1


async def test_attempts_grow_rarer_up_to_the_spread(spool, monkeypatch):
    """Waits between refused attempts double, with full jitter; after a lost connection all of it is used."""
    device = Device(spool, NAME, brokers.free_port())
    publisher = device.publisher
    publisher._broker = BrokerConfig(port=1, reconnect_spread_s=300)
    limits, waits = [], []
    uniform = publisher._rng.uniform
    monkeypatch.setattr(
        publisher._rng, "uniform", lambda low, high: limits.append(high) or uniform(low, high)
    )
    lost_once = iter([None])

    async def serve():
        if next(lost_once, "no more") == "no more":
            raise connection.ConnectionFailedError("refused")

    async def sleep(seconds):
        waits.append(seconds)
        if len(waits) > 12:
            raise asyncio.CancelledError

    monkeypatch.setattr(publisher, "_serve", serve)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await publisher.run()
    assert limits[:6] == [30, 300, 2, 4, 8, 16]
    assert max(limits) == 300
    assert len(set(waits)) == len(waits), "no jitter"


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_reconnecting_leaks_no_file_and_no_thread(broker, spool):
    """A device reconnects thousands of times in its life."""
    with Collector(broker.port, NAME):
        device = Device(spool, NAME, broker.port)
        counts = []
        for _ in range(12):
            async with running(device):
                pass
            counts.append((open_files(), threading.active_count()))
    assert counts[-1][0] <= counts[3][0] + 1
    assert counts[-1][1] <= counts[3][1] + 1


@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # paho forgets the socket of a failed handshake
async def test_a_certificate_from_the_future_means_that_the_clock_is_wrong(tmp_path):
    """A Pi that came up in 1970 cannot connect at all; its log says what to set right."""
    authority = Authority(tmp_path)
    server = authority.issue("server", host=HOST, from_days=1, to_days=9)
    with tuned(tmp_path, "user root", f"certfile {server.cert}", f"keyfile {server.key}") as broker:
        config = BrokerConfig(host=HOST, port=broker.port, ca_file=authority.file)
        try:
            await open_connection(config, NAME, ("pantau/v1/desa-1/status", b"{}"), "pantau/v1/desa-1/ack")
        except ConnectionFailedError as error:
            said = str(error)
    gc.collect()
    assert re.search(
        r"certificate is not valid yet; this device's clock, at 20\d\d-\d\d-\d\d, is wrong", said
    )


@pytest.mark.parametrize("broken", ["missing", "rubbish"])
def test_a_certificate_that_cannot_be_used_is_a_config_error(tmp_path, broken):
    """Found when the agent starts, with the file's name, not at night when the broker restarts."""
    file = tmp_path / "ca.pem"
    if broken == "rubbish":
        file.write_text("rubbish")
    with pytest.raises(ConfigError, match=r"broker: cannot (use|read) .*ca\.pem"):
        tls_context(BrokerConfig(ca_file=file))
