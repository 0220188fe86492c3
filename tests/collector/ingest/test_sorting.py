"""What is to become of a message: every outcome, one by one, and whatever bytes come in."""

from __future__ import annotations

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.ingest.envelopes import (
    BAD_DATA,
    START_NS,
    bad_record,
    envelope,
    envelope_of,
    header,
    plain,
    record,
)
from tests.collector.ingest.hostile import messages
from tests.wire.strategies import thorough

from pantau_collector.ingest.sorting import Message, Rules, Sorted, sort_message
from pantau_wire import codec, ranges
from pantau_wire.envelope import Dropped
from pantau_wire.errors import WireError

NOW_NS = START_NS + 3600 * 10**9
RULES = Rules(lambda device: device != "stranger", unregistered_retry_s=300.0, newer_agent_retry_s=3600.0)


def sort(payload: bytes, content_type: str | None = codec.JSON, device: str = "desa-1") -> Sorted:
    return sort_message(Message(f"pantau/v1/{device}/measurements", payload, content_type), RULES, NOW_NS)


def stored(found: Sorted) -> list[int]:
    return [record.seq for record in found.records]


def rejected(found: Sorted) -> list[int]:
    return [entry.seq for entry in found.rejected]


def deferred(found: Sorted) -> list[int]:
    return [seq for entry in found.deferred for seq in range(entry.first_seq, entry.last_seq + 1)]


def deliveries(found: Sorted) -> list[tuple[int, int, str, str]]:
    return [(entry.first_seq, entry.last_seq, entry.state, entry.reason) for entry in found.deliveries]


def test_good_records_are_stored():
    """Every record of a good envelope becomes an arrival, and its range a delivery."""
    found = sort(*envelope([4, 5, 6, 9]))
    assert (found.device, found.spool) == ("desa-1", "s1")
    assert stored(found) == [4, 5, 6, 9]
    assert {(one.device, one.spool, one.boot) for one in found.parcel.arrivals} == {("desa-1", "s1", "b1")}
    assert deliveries(found) == [(4, 6, "received", ""), (9, 9, "received", "")]
    assert not any((found.rejected, found.deferred, found.dead_letters))


BAD_RECORDS = {
    "a value out of bounds": (record(2, BAD_DATA), "invalid_record", "Expected `float` >= 0.0"),
    "an unknown kind": (record(2, b'{"kind":"lynx"}'), "invalid_record", "Invalid value 'lynx'"),
    "a key field missing": (record(2, b'{"kind":"dns"}'), "invalid_record", "missing required field"),
    "a time before there was Pantau": (record(2, time_ns=5), "implausible_time", "lies before 2025"),
    "a time too far ahead": (
        record(2, time_ns=NOW_NS + 25 * 3600 * 10**9),
        "implausible_time",
        "lies 90000 s ahead",
    ),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_a_bad_record_is_rejected_alone(case: str):
    """A record with a fault is a dead letter and rejected; its neighbours are stored."""
    bad, reason, detail = BAD_RECORDS[case]
    found = sort(*envelope_of(record(1), bad, record(3)))
    assert (stored(found), rejected(found), deferred(found)) == ([1, 3], [2], [])
    assert found.rejected[0].reason.startswith(f"{reason}: ")
    assert detail in found.rejected[0].reason
    (letter,) = found.dead_letters
    assert (letter.device, letter.at_ns, letter.reason) == ("desa-1", NOW_NS, reason)
    assert deliveries(found) == [
        (1, 1, "received", ""),
        (3, 3, "received", ""),
        (2, 2, "rejected", found.rejected[0].reason),
    ]


def test_a_dead_letter_holds_the_record_alone():
    """The letter of a bad record is an envelope of its own, which says nothing that changes at a re-send."""
    lost = (Dropped(first_seq=1, last_seq=9, reason="spool_full"),)
    first = sort(*envelope_of(record(11), bad_record(12)))
    again = sort(
        *envelope_of(
            record(11), bad_record(12), attempt=7, oldest_unacked_seq=3, dropped=lost, sent_uptime_ns=9
        )
    )
    assert first.dead_letters == again.dead_letters
    (letter,) = first.dead_letters
    kept = msgspec.json.decode(plain(letter.payload))
    assert (kept["device"], kept["spool"], kept["boot"]) == ("desa-1", "s1", "b1")
    assert [entry["seq"] for entry in kept["measurements"]] == [12]


def test_a_record_without_a_number_gets_no_answer():
    """A bad record whose number cannot be read is a dead letter, and nobody is told."""
    found = sort(*envelope_of(record(1), msgspec.Raw(b'{"seq":"two"}')))
    assert (stored(found), rejected(found), len(found.dead_letters)) == ([1], [], 1)


def test_dropped_ranges_become_deliveries():
    """What the device gave up for good is on record, with its reason, however wide the range."""
    lost = (
        Dropped(first_seq=1, last_seq=3, reason="spool_full"),
        Dropped(first_seq=7, last_seq=2**63 - 1, reason="spool_damaged"),
    )
    found = sort(*envelope([5], dropped=lost))
    assert deliveries(found) == [
        (5, 5, "received", ""),
        (1, 3, "dropped", "spool_full"),
        (7, 2**63 - 1, "dropped", "spool_damaged"),
    ]


def test_dropped_ranges_may_be_of_another_spool_of_the_device():
    """A card that was moved, a file that was damaged; of more spools than it may name nothing is kept."""
    named = ["s1", "old-1", "old-2", "old-3", "old-4", "old-5"]
    dropped = [Dropped(first_seq=1, last_seq=9, reason="spool_damaged", spool=spool) for spool in named]
    own = Dropped(first_seq=3, last_seq=4, reason="spool_full")
    found = sort(*envelope([5], dropped=(*dropped, own)))
    dropped = [entry for entry in found.deliveries if entry.state == "dropped"]
    told = {(entry.spool, entry.first_seq, entry.last_seq) for entry in dropped}
    assert told == {("s1", 1, 9), ("old-1", 1, 9), ("old-2", 1, 9), ("old-3", 1, 9), ("s1", 3, 4)}


def test_unregistered_devices_are_deferred():
    """All of an unregistered device's records, the bad ones too, are deferred and nothing is kept of them."""
    lost = (Dropped(first_seq=1, last_seq=3, reason="spool_full"),)
    sent = (record(5), record(6), bad_record(7))
    found = sort(*envelope_of(*sent, device="stranger", dropped=lost), device="stranger")
    (entry,) = found.deferred
    assert (entry.first_seq, entry.last_seq, entry.reason, entry.retry_after_s) == (5, 7, "unregistered", 300)
    assert not any((found.records, found.rejected, found.dead_letters, found.deliveries))


def test_newer_versions_are_deferred():
    """An envelope of a later major version is deferred, whatever else it holds, and not refused."""
    text = b'{"v":2,"device":"desa-1","spool":"s9","what":[],"measurements":[{"seq":3},{"seq":4}]}'
    found = sort(text)
    (entry,) = found.deferred
    assert found.spool == "s9"
    assert (entry.first_seq, entry.last_seq, entry.reason, entry.retry_after_s) == (3, 4, "newer_agent", 3600)
    assert not any((found.records, found.rejected, found.dead_letters))


def test_a_newer_version_of_another_device_is_refused():
    """A later version does not help a payload that claims another device."""
    found = sort(b'{"v":2,"device":"desa-2","spool":"s1","measurements":[{"seq":3}]}')
    assert not any((found.spool, found.deferred, found.rejected))
    assert [letter.reason for letter in found.dead_letters] == ["unknown_version"]


def test_a_newer_version_without_numbers_is_refused():
    """A later version of which nothing can be told is a dead letter."""
    found = sort(b'{"v":2}')
    assert (found.spool, [letter.reason for letter in found.dead_letters]) == (None, ["unknown_version"])


HEADLESS = plain(envelope([1, 2, 5])[0]).replace(b'"agent":"1.0.0",', b"")


def test_a_bad_header_refuses_the_whole_with_an_answer():
    """An envelope with a wrong header is refused as a whole; what numbers it has are rejected."""
    found = sort(HEADLESS)
    assert (stored(found), rejected(found), found.spool) == ([], [1, 2, 5], "s1")
    (letter,) = found.dead_letters
    assert (letter.payload, letter.content_type, letter.reason) == (HEADLESS, codec.JSON, "invalid_envelope")
    assert deliveries(found) == [
        (1, 2, "rejected", "invalid_envelope"),
        (5, 5, "rejected", "invalid_envelope"),
    ]


GOOD = envelope(range(1, 40))[0]
ABYSS = b'{"kind":"dns","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
UNREADABLE = {
    "nothing": (b"", codec.JSON, "malformed"),
    "no JSON": (b"\x00\x01\xff", codec.JSON, "malformed"),
    "cut short": (plain(GOOD)[:-1], codec.JSON, "malformed"),
    "an abyss of brackets": (b'{"v":1,"x":' + b"[" * 200_000, codec.JSON, "malformed"),
    "an abyss in a record": (envelope_of(record(2, ABYSS))[0], codec.DEFLATED_JSON, "malformed"),
    "not UTF-8": (b'{"v":1,"device":"\xff"}', codec.JSON, "malformed"),
    "a list": (b"[]", codec.JSON, "invalid_envelope"),
    "a number": (b"1", codec.JSON, "invalid_envelope"),
    "NaN": (b'{"v":NaN}', codec.JSON, "malformed"),
    "raw deflate": (GOOD[2:-4], codec.DEFLATED_JSON, "malformed"),
    "deflate cut short": (GOOD[:-1], codec.DEFLATED_JSON, "malformed"),
    "more after deflate": (GOOD + b"x", codec.DEFLATED_JSON, "malformed"),
    "a bomb": (zlib.compress(b" " * 2**24), codec.DEFLATED_JSON, "too_large"),
    "too large": (b" " * (256 * 1024 + 1), codec.JSON, "too_large"),
    "an unknown content type": (plain(GOOD), "text/html\x00", "malformed"),
    "no list of records": (b'{"v":1,"device":"desa-1"}', codec.JSON, "invalid_envelope"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_the_unreadable_gets_no_answer(case: str):
    """What cannot be read at all is kept as it came, and nobody is answered."""
    payload, content_type, reason = UNREADABLE[case]
    found = sort(payload, content_type)
    assert not any((found.spool, found.records, found.rejected, found.deferred))
    (letter,) = found.dead_letters
    assert (letter.device, letter.payload, letter.content_type) == ("desa-1", payload, content_type)
    assert letter.reason == reason


def test_another_devices_payload_is_refused():
    """A payload that claims another device than the topic's is kept as the topic's, and not answered."""
    found = sort(*envelope([1, 2], device="desa-2"))
    assert found.device == "desa-1"
    assert not any((found.spool, found.records, found.rejected))
    (letter,) = found.dead_letters
    assert (letter.device, letter.reason) == ("desa-1", "identity")
    assert letter.detail == "the payload claims to be of desa-2"


@pytest.mark.parametrize("device", ["groups", "collector-1", "des a", "\N{HOUSE BUILDING}", "x" * 65, ""])
def test_reserved_and_impossible_ids_are_refused(device: str):
    """Nobody writes under an id that is reserved or cannot be one; what came is kept under its topic."""
    found = sort(*envelope([1]), device=device)
    assert not any((found.spool, found.records, found.rejected, found.deferred))
    (letter,) = found.dead_letters
    assert letter.reason == "invalid_topic"
    assert letter.device == f"pantau/v1/{device}/measurements"[:200]


@thorough
@given(messages())
def test_nothing_is_forgotten(message: Message):
    """Whatever comes in, sorting never fails, and each legible number ends in exactly one place."""
    found = sort_message(message, RULES, NOW_NS)
    places = [set(stored(found)), set(rejected(found)), set(deferred(found))]
    assert sum(map(len, places)) == len(set.union(*places))
    assert set.union(*places) >= _legible(message)
    if found.device != "stranger":  # who is unknown keeps what has no number, and is asked again later
        kept = found.dead_letters or found.records or found.deferred or found.deliveries
        assert kept or found.asks_for_time_only
    if found.rejected:
        assert found.dead_letters  # what is refused for ever is kept
    named = [(first, last) for first, last, state, _ in deliveries(found) if state != "dropped"]
    assert ranges.merge(named) == ranges.from_numbers(places[0] | places[1])


def _legible(message: Message) -> set[int]:
    try:
        outline = codec.decode_outline(message.payload, message.content_type)
    except WireError:
        return set()
    if message.topic != f"pantau/v1/{outline.device}/measurements" or outline.device == "collector-1":
        return set()
    return {seq for first, last in outline.seqs for seq in range(first, last + 1)}


@thorough
@given(st.text(max_size=80), st.binary(max_size=80), st.none() | st.text(max_size=40))
def test_nothing_at_all_is_ever_raised(topic: str, payload: bytes, content_type: str | None):
    """Any topic, any bytes and any content type are sorted, and kept if nothing better is known."""
    found = sort_message(Message(topic, payload, content_type), RULES, NOW_NS)
    assert found.dead_letters


def test_the_worst_envelope_is_quick_to_refuse():
    """A small payload that inflates to a thousand bad records leaves letters of a bounded size."""
    lost = tuple(Dropped(first_seq=seq, last_seq=seq, reason="spool_full") for seq in range(1, 1001))
    bad = [record(seq, b"{}") for seq in range(2001, 3001)]
    payload, content_type = codec.encode_envelope(header(dropped=lost), bad)
    found = sort(payload, content_type)
    assert len(found.rejected) == 1000
    assert sum(len(letter.payload) for letter in found.dead_letters) < 1_000_000
