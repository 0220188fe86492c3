"""The promise over real brokers: what is committed leaves the spool only when the collector says so."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from tests.agent.support import collector as peers
from tests.agent.support.collector import Collector
from tests.agent.support.device import RESEND_S, Device, open_spool, running, until
from tests.fakes import brokers

from pantau_wire import codec
from pantau_wire.envelope import Ack, Dropped, Rejected

numbers = itertools.count(1)


@pytest.fixture(scope="module", params=brokers.KINDS)
def broker(request, tmp_path_factory):
    with brokers.running(request.param, tmp_path_factory.mktemp("broker")) as started:
        yield started


@pytest.fixture
def name():
    return f"desa-{next(numbers)}"


@pytest.fixture
def collector(broker, name):
    with Collector(broker.port, name) as listening:
        yield listening


async def test_puback_alone_deletes_nothing(broker, name, spool, collector):
    """The broker has acknowledged every envelope, the collector has not: the spool keeps all."""
    collector.policy = peers.silent
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(5)
        await until(lambda: collector.envelopes)
        await until(lambda: not device.publisher._tickets, "PUBACK")
        assert device.depth == 5
        assert spool.state().stored_count == 0


async def test_stored_deletes(broker, name, spool, collector):
    """`stored` is the one word that empties the spool."""
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(5)
        await until(lambda: device.depth == 0)
        assert spool.state().stored_count == 5
        assert spool.peek(1, 5, 10) == []


async def test_rejected_deletes_and_counts(broker, name, spool, collector):
    """A record that stands in the dead letters is gone from here, and reported; its neighbours are stored."""
    collector.policy = lambda envelope: peers.ack(
        envelope, stored=((1, 1), (3, 3)), rejected=(Rejected(seq=2, reason="invalid_record"),)
    )
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(3)
        await until(lambda: device.depth == 0)
        state = spool.state()
        assert (state.stored_count, state.rejected_count) == (2, 1)


async def test_deferred_comes_back_after_the_time_that_was_asked(broker, name, spool, collector):
    """The collector says when, and the agent holds to it although it re-sends sooner by itself."""
    collector.policy = lambda envelope: (
        peers.deferred(envelope, 1.5) if envelope.header.attempt == 1 else peers.stored(envelope)
    )
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(4)
        await until(lambda: device.depth == 0)
        first, second, *_ = collector.envelopes
        assert 1.5 <= second.at - first.at < 20
        assert (first.header.attempt, second.header.attempt) == (1, 2)
        assert first.records == second.records


async def test_what_is_not_answered_is_sent_again_with_identical_bytes(broker, name, spool, collector):
    """Only `attempt` changes between two envelopes of the same records."""
    collector.policy = lambda envelope: peers.stored(envelope) if envelope.header.attempt > 2 else None
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(3)
        await until(lambda: device.depth == 0)
        assert [envelope.header.attempt for envelope in collector.envelopes][:3] == [1, 2, 3]
        assert {len(versions) for versions in collector.record_versions().values()} == {1}
        first, second, *_ = collector.envelopes
        assert second.at - first.at >= RESEND_S


async def test_no_more_than_eight_envelopes_are_unanswered(broker, name, spool, collector):
    """Six of the backlog and two of what is measured now; the rest waits for an answer."""
    collector.policy = peers.silent
    patient = Device(spool, name, broker.port, envelope_records=2, first_resend_s=60, max_resend_s=60)
    patient.measure(40)
    async with running(patient) as device:
        await until(lambda: len(collector.envelopes) == 6)
        for _ in range(4):
            device.measure(1)
            await asyncio.sleep(0.1)
        await until(lambda: len(collector.envelopes) == 8)
        await asyncio.sleep(0.3)
        assert len(collector.envelopes) == 8
        assert [envelope.seqs for envelope in collector.envelopes[6:]] == [[41], [42]]


async def test_live_data_overtakes_the_backlog(broker, name, spool, collector):
    """What was measured now arrives while a long backlog is still on its way, at its own slow rate."""
    slow = Device(spool, name, broker.port, envelope_records=10, backlog_records_per_s=20)
    slow.measure(200)
    async with running(slow) as device:
        await until(lambda: collector.envelopes)
        device.measure(1)
        await until(lambda: 201 in collector.seqs)
        assert len(collector.seqs) < 100


async def test_a_backlog_of_an_earlier_run_counts_as_repeated(broker, name, tmp_path, collector):
    """It may have been sent before the restart, so the collector is told to compare: attempt 2 or more."""
    spool = open_spool(tmp_path)
    Device(spool, name, broker.port).measure(3)
    spool.close()
    again = open_spool(tmp_path)
    async with running(Device(again, name, broker.port)) as device:
        device.measure(1)
        await until(lambda: device.depth == 0)
        (first, *_) = [envelope for envelope in collector.envelopes if 1 in envelope.seqs]
        assert (first.header.attempt, first.seqs) == (2, [1, 2, 3])
    again.close()


async def test_acks_that_are_old_repeated_foreign_or_garbage_do_no_harm(broker, name, spool, collector):
    """Whatever arrives on the ack topic, only an ack for this spool, of what it holds, has an effect."""
    collector.policy = peers.silent
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(3)
        await until(lambda: collector.envelopes)
        (envelope, *_) = collector.envelopes
        foreign = Ack(spool="another-spool", time_ns=1, stored=((1, 3),))
        beyond = Ack(spool=spool.spool_id, time_ns=1, stored=((4, 2**62),))
        for answer in (foreign, beyond, b"", b"\xff" * 50, b'{"v":1}', b'{"v":9}', b"[" * 5000):
            collector.send(answer)
        await until(lambda: collector.envelopes[-1].header.attempt == 2, "a re-send")
        assert device.depth == 3
        for _ in range(2):
            collector.send(peers.stored(envelope))
        await until(lambda: device.depth == 0)
        device.measure(1)
        await until(lambda: 4 in collector.seqs)
        collector.send(peers.ack(envelope, stored=((4, 4),)))
        await until(lambda: spool.state().stored_count == 4)


async def test_an_envelope_says_how_it_is_packed_and_when_it_is_stale(broker, name, spool, collector):
    """Content type and message expiry: no copy outlives the moment in which the agent sends it again."""
    collector.policy = peers.silent
    quick = Device(spool, name, broker.port, first_resend_s=30, max_resend_s=60)
    async with running(quick) as device:
        device.measure(1)
        await until(lambda: len(collector.envelopes) == 1)
        device.measure(60)
        await until(lambda: len(collector.envelopes) == 2)
    small, large = collector.envelopes
    assert small.properties.ContentType == codec.JSON
    assert large.properties.ContentType == codec.DEFLATED_JSON
    assert all(25 <= envelope.properties.MessageExpiryInterval <= 61 for envelope in (small, large))


async def test_an_envelope_is_of_one_boot(broker, name, spool, collector):
    """Records of two boots travel in two envelopes, each named by its own."""
    device = Device(spool, name, broker.port)
    device.put(2, boot="boot-a")
    device.measure(2, boot="boot-b")
    async with running(device):
        await until(lambda: device.depth == 0)
    boots = {seq: envelope.header.boot for envelope in collector.envelopes for seq in envelope.seqs}
    assert boots == {1: "boot-a", 2: "boot-a", 3: "boot-b", 4: "boot-b"}


async def test_dropped_ranges_are_announced_until_one_announcement_is_confirmed(
    broker, name, spool, collector
):
    """An envelope that nobody answers has told nobody."""
    collector.policy = peers.silent
    device = Device(spool, name, broker.port)
    device.measure(3)
    spool.give_up([1], "too_large")
    async with running(device):
        await until(lambda: len(collector.envelopes) >= 2)
        collector.policy = peers.stored
        await until(lambda: device.depth == 0)
        announced = (Dropped(first_seq=1, last_seq=1, reason="too_large"),)
        assert {envelope.header.dropped for envelope in collector.envelopes} == {announced}
        await until(lambda: spool.dropped() == [])
        device.measure(1)
        await until(lambda: device.depth == 0)
        assert collector.envelopes[-1].header.dropped == ()
    assert spool.state().dropped_count == 1


async def test_a_damaged_record_is_given_up_and_does_not_spoil_its_neighbours(broker, name, spool, collector):
    """One record whose bytes have rotted would make a whole envelope unreadable, again and again."""
    device = Device(spool, name, broker.port)
    device.measure(3)
    spool._db.execute("UPDATE record SET data = ? WHERE seq = 2", (b'{"kind":"dn\xff',))
    spool._db.commit()
    async with running(device):
        await until(lambda: device.depth == 0)
        assert sorted(set(collector.seqs)) == [1, 3]
        assert collector.envelopes[0].header.dropped[0].reason == "spool_damaged"
    assert (spool.state().stored_count, spool.state().dropped_count) == (2, 1)


async def test_the_offset_of_the_clock_is_learnt_from_any_ack(broker, name, spool, collector):
    """Device's clock minus the server's, in ms: what a device without NTP knows about itself."""
    async with running(Device(spool, name, broker.port)) as device:
        device.measure(1)
        await until(lambda: device.publisher.clock_offset_ms is not None)
        assert abs(device.publisher.clock_offset_ms) < 20_000
