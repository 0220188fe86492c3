"""The acks of a batch: together they answer for each number, and each of them can be sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.collector.ingest.envelopes import START_NS, bad_record, envelope, envelope_of

from pantau_collector.ingest import answers
from pantau_collector.ingest.sorting import Message, Rules, Sorted, sort_message
from pantau_collector.ingest.writer import ALTERED
from pantau_collector.storage.base import Refusal
from pantau_wire import codec
from pantau_wire.envelope import Dropped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_wire.envelope import Ack

NOW_NS = START_NS + 3600 * 10**9
RULES = Rules(lambda device: device != "stranger", unregistered_retry_s=300.0, newer_agent_retry_s=3600.0)
WIDE = 10**18  # numbers with many digits make long acks


def sorted_envelope(payload: bytes, content_type: str, device: str = "desa-1") -> Sorted:
    return sort_message(Message(f"pantau/v1/{device}/measurements", payload, content_type), RULES, NOW_NS)


def read(messages: Iterable[tuple[str, bytes, str]]) -> list[tuple[str, Ack]]:
    return [(topic, codec.decode_ack(payload, kind)) for topic, payload, kind in messages]


def stored(acks: Iterable[Ack]) -> list[tuple[int, int]]:
    return [entry for ack in acks for entry in ack.stored]


def test_one_ack_for_each_spool():
    """A device gets one message for each of its spools, whatever number of envelopes it answers."""
    batch = [
        sorted_envelope(*envelope([1, 2])),
        sorted_envelope(*envelope([3, 7])),
        sorted_envelope(*envelope([1], spool="s2")),
        sorted_envelope(*envelope([1], device="desa-2"), device="desa-2"),
    ]
    acks = read(answers.acks_of_stored(batch, [], NOW_NS))
    assert [(topic, ack.spool, ack.stored) for topic, ack in acks] == [
        ("pantau/v1/desa-1/ack", "s1", ((1, 3), (7, 7))),
        ("pantau/v1/desa-1/ack", "s2", ((1, 1),)),
        ("pantau/v1/desa-2/ack", "s1", ((1, 1),)),
    ]
    assert {ack.time_ns for _, ack in acks} == {NOW_NS}


def test_altered_points_are_rejected_and_not_stored():
    """A number whose point is stored with another value is answered `rejected`, and only that."""
    found = sorted_envelope(*envelope([1, 2, 3]))
    ((_, ack),) = read(answers.acks_of_stored([found], [Refusal(found.parcel.arrivals[1], ALTERED)], NOW_NS))
    assert ack.stored == ((1, 1), (3, 3))
    assert [(entry.seq, entry.reason) for entry in ack.rejected] == [
        (2, "altered: another value is stored for this time")
    ]


def test_everything_is_deferred_without_a_store():
    """When nothing could be written, neither `stored` nor `rejected` is said of anything."""
    batch = [
        sorted_envelope(*envelope_of(*map(bad_record, (1, 3)))),
        sorted_envelope(*envelope([2, 9])),
        sorted_envelope(b"unreadable", codec.JSON),
    ]
    ((_, ack),) = read(answers.acks_of_unstored(batch, 30.0, "store_unavailable", NOW_NS))
    assert (ack.stored, ack.rejected) == ((), ())
    named = {seq for entry in ack.deferred for seq in range(entry.first_seq, entry.last_seq + 1)}
    assert named == {1, 2, 3, 9}
    assert {(entry.retry_after_s, entry.reason) for entry in ack.deferred} == {(30.0, "store_unavailable")}


def test_nobody_is_told_of_the_unreadable():
    """What has no spool has no ack."""
    batch = [sorted_envelope(b"unreadable", codec.JSON)]
    assert list(answers.acks_of_stored(batch, [], NOW_NS)) == []


def test_many_rejections_of_one_device_fit():
    """Thousands of bad records in one batch are answered in as many acks as it takes."""
    seqs = range(WIDE, WIDE + 5000)
    batch = [
        sorted_envelope(*envelope_of(*map(bad_record, seqs[first : first + 1000])))
        for first in range(0, 5000, 1000)
    ]
    acks = [ack for _, ack in read(answers.acks_of_stored(batch, [], NOW_NS))]
    assert Counter(entry.seq for ack in acks for entry in ack.rejected) == Counter(seqs)


def test_many_deferrals_of_one_device_fit():
    """Thousands of ranges of a device that nobody knows are answered in as many acks as it takes."""
    batch = [
        sorted_envelope(*envelope(range(first, first + 2000, 2), device="stranger"), device="stranger")
        for first in range(WIDE, WIDE + 10_000, 2000)
    ]
    acks = [ack for _, ack in read(answers.acks_of_stored(batch, [], NOW_NS))]
    assert Counter(entry.first_seq for ack in acks for entry in ack.deferred) == Counter(
        range(WIDE, WIDE + 10_000, 2)
    )


def test_many_scattered_numbers_fit():
    """Thousands of ranges are acknowledged as stored in as many acks as it takes."""
    batch = [
        sorted_envelope(*envelope(range(first, first + 2000, 2)))
        for first in range(WIDE, WIDE + 20_000, 2000)
    ]
    acks = [ack for _, ack in read(answers.acks_of_stored(batch, [], NOW_NS))]
    assert Counter(stored(acks)) == Counter((seq, seq) for seq in range(WIDE, WIDE + 20_000, 2))


def test_the_same_rejection_is_said_once():
    """The same envelope many times in one batch is answered once."""
    batch = [sorted_envelope(*envelope_of(bad_record(1)))] * 50
    ((_, ack),) = read(answers.acks_of_stored(batch, [], NOW_NS))
    assert [entry.seq for entry in ack.rejected] == [1]


def test_an_ack_brings_back_the_newest_moment_of_sending():
    """Of the envelopes that it answers; so the device knows after which moment the time was read."""
    batch = [sorted_envelope(*envelope([seq], sent_uptime_ns=at)) for seq, at in ((1, 50), (2, 70), (3, 60))]
    for messages in (
        answers.acks_of_stored(batch, [], NOW_NS),
        answers.acks_of_unstored(batch, 30.0, "store_unavailable", NOW_NS),
    ):
        ((_, ack),) = read(messages)
        assert (ack.sent_uptime_ns, ack.time_ns) == (70, NOW_NS)
    ((_, silent),) = read(answers.acks_of_stored([sorted_envelope(*envelope([1]))], [], NOW_NS))
    assert silent.sent_uptime_ns is None


def test_where_there_is_nothing_to_answer_for_the_time_is_the_answer():
    """An envelope without records, also from a device that nobody knows."""
    for device in ("desa-1", "stranger"):
        found = sorted_envelope(*envelope([], device=device, sent_uptime_ns=9), device=device)
        assert found.asks_for_time_only
        ((topic, ack),) = read(answers.acks_of_stored([found], [], NOW_NS))
        assert topic == f"pantau/v1/{device}/ack"
        assert (ack.spool, ack.time_ns, ack.sent_uptime_ns) == ("s1", NOW_NS, 9)
        assert (ack.stored, ack.rejected, ack.deferred) == ((), (), ())


def test_what_holds_something_to_keep_is_more_than_a_question():
    """Records, good, bad or of a stranger, and announcements of what was dropped go through the store."""
    lost = (Dropped(first_seq=1, last_seq=3, reason="spool_full"),)
    for found in (
        sorted_envelope(*envelope([1])),
        sorted_envelope(*envelope([], dropped=lost)),
        sorted_envelope(*envelope_of(bad_record(1))),
        sorted_envelope(*envelope([1], device="stranger"), device="stranger"),
        sorted_envelope(b"unreadable", codec.JSON),
    ):
        assert not found.asks_for_time_only
