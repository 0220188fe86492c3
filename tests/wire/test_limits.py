"""Every limit of SPEC.md, at its edge and one step beyond."""

from __future__ import annotations

import zlib

import msgspec
import pytest
from tests.wire.building import HEADER, packed, payload, record_json
from tests.wire.strategies import NOW_NS

from pantau_wire import codec
from pantau_wire.codec import DEFLATED_JSON, EARLIEST_NS, JSON, MAX_AHEAD_NS
from pantau_wire.envelope import MAX_PAYLOAD_BYTES, MAX_RECORDS, Ack, Deferred, Dropped
from pantau_wire.errors import (
    ImplausibleTimeError,
    InvalidEnvelopeError,
    PayloadTooLargeError,
)

BAD_IDS = [
    *(
        "",
        "a b",
        "a+b",
        "a#b",
        "a/b",
        "a\u0000b",
        "a\nb",
        "ab\n",
        " a",
        "-a",
        ".a",
        "_a",
        "desa-ü",
        "a\u2028",
    ),
    *("a" * 65, "a" * 5000, "$SYS", "\u0661"),
]


@pytest.mark.parametrize("time_ns", [EARLIEST_NS, NOW_NS, NOW_NS + MAX_AHEAD_NS])
def test_times_from_2025_to_24_hours_ahead_are_taken(time_ns: int) -> None:
    decoded = codec.decode_envelope(payload(record_json(time_ns=time_ns)), None, NOW_NS)
    assert [record.time_ns for record in decoded.records] == [time_ns]


@pytest.mark.parametrize("time_ns", [0, EARLIEST_NS - 1, NOW_NS + MAX_AHEAD_NS + 1, 2**63 - 1])
def test_a_nanosecond_beyond_is_refused(time_ns: int) -> None:
    decoded = codec.decode_envelope(payload(record_json(time_ns=time_ns)), None, NOW_NS)
    assert decoded.records == ()
    assert isinstance(decoded.refused[0].error, ImplausibleTimeError)


def test_the_earliest_time_is_the_first_second_of_2025() -> None:
    assert EARLIEST_NS == 1_735_689_600 * 10**9


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("deflated", [False, True])
def test_exactly_256_kib_are_taken_before_and_after_inflating(extra: int, *, deflated: bool) -> None:
    text = payload(record_json())
    text += b" " * (MAX_PAYLOAD_BYTES - len(text) + extra)
    sent, content_type = (zlib.compress(text), DEFLATED_JSON) if deflated else (text, JSON)
    if extra:
        with pytest.raises(PayloadTooLargeError):
            codec.decode_envelope(sent, content_type, NOW_NS)
    else:
        assert len(codec.decode_envelope(sent, content_type, NOW_NS).records) == 1


def test_deflate_data_of_more_than_256_kib_is_refused_unread() -> None:
    stored = zlib.compress(payload(record_json()) + b" " * (MAX_PAYLOAD_BYTES - 400), 0)
    padded = stored + b"x" * (MAX_PAYLOAD_BYTES + 1 - len(stored))
    with pytest.raises(PayloadTooLargeError):
        codec.decode_envelope(padded, DEFLATED_JSON, NOW_NS)


def test_an_encoder_refuses_what_every_decoder_would_refuse() -> None:
    padding = b" " * 300
    with pytest.raises(PayloadTooLargeError):
        packed(*[record_json(seq) + padding for seq in range(1, MAX_RECORDS)])
    with pytest.raises(InvalidEnvelopeError):
        packed(*[record_json()] * (MAX_RECORDS + 1))


@pytest.mark.parametrize("count", [0, 1, MAX_RECORDS])
def test_up_to_1000_records_are_taken(count: int) -> None:
    sent = packed(*[record_json(seq) for seq in range(1, count + 1)])
    assert len(codec.decode_envelope(*sent, NOW_NS).records) == count


def test_1001_records_are_refused_whole() -> None:
    text = payload(*[record_json(seq) for seq in range(1, MAX_RECORDS + 2)])
    assert len(text) <= MAX_PAYLOAD_BYTES
    with pytest.raises(InvalidEnvelopeError):
        codec.decode_envelope(text, None, NOW_NS)


@pytest.mark.parametrize("count", [MAX_RECORDS, MAX_RECORDS + 1])
def test_at_most_1000_dropped_ranges_are_taken(count: int) -> None:
    dropped = tuple(Dropped(first_seq=seq, last_seq=seq, reason="spool_full") for seq in range(1, count + 1))
    header = msgspec.structs.replace(HEADER, dropped=dropped)
    sent = codec.encode_envelope(header, [msgspec.Raw(record_json())])
    if count > MAX_RECORDS:
        with pytest.raises(InvalidEnvelopeError):
            codec.decode_envelope(*sent, NOW_NS)
    else:
        assert codec.decode_envelope(*sent, NOW_NS).header.dropped == dropped


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize("name", ["device", "spool", "boot"])
def test_an_id_that_could_not_stand_in_a_topic_is_refused(name: str, bad: str) -> None:
    header = msgspec.structs.replace(HEADER, **{name: bad})
    with pytest.raises(InvalidEnvelopeError):
        codec.decode_envelope(*codec.encode_envelope(header, [msgspec.Raw(record_json())]), NOW_NS)


@pytest.mark.parametrize("good", ["a", "0", "A.b_c-d", "a" * 64, "3310252007-1"])
def test_ids_of_1_to_64_plain_characters_are_taken(good: str) -> None:
    header = msgspec.structs.replace(HEADER, device=good, spool=good, boot=good)
    sent = codec.encode_envelope(header, [msgspec.Raw(record_json())])
    assert codec.decode_envelope(*sent, NOW_NS).header == header


@pytest.mark.parametrize("attempt", [0, -1, 1_000_001])
def test_attempts_count_from_one_to_a_million(attempt: int) -> None:
    header = msgspec.structs.replace(HEADER, attempt=attempt)
    with pytest.raises(InvalidEnvelopeError):
        codec.decode_envelope(*codec.encode_envelope(header, [msgspec.Raw(record_json())]), NOW_NS)


def test_a_range_that_runs_backwards_is_refused_wherever_it_stands() -> None:
    start = b'{"v":1,"spool":"s1","time_ns":5,'
    defer = b'"deferred":[{"first_seq":5,"last_seq":4,"retry_after_s":1,"reason":"rate_limit"}]}'
    for text in (start + b'"stored":[[1,2],[5,4]]}', start + defer):
        with pytest.raises(InvalidEnvelopeError, match="backwards"):
            codec.decode_ack(text, None)
    dropped = b'"dropped":[{"first_seq":5,"last_seq":4,"reason":"spool_full"}],"measurements"'
    with pytest.raises(InvalidEnvelopeError, match="backwards"):
        codec.decode_envelope(payload(record_json()).replace(b'"measurements"', dropped), None, NOW_NS)


def test_a_range_that_runs_backwards_cannot_even_be_built() -> None:
    with pytest.raises(ValueError, match="backwards"):
        Dropped(first_seq=5, last_seq=4, reason="spool_full")
    with pytest.raises(ValueError, match="backwards"):
        Deferred(first_seq=5, last_seq=4, retry_after_s=1, reason="rate_limit")
    with pytest.raises(ValueError, match="backwards"):
        Ack(spool="s1", time_ns=5, stored=((5, 4),))


@pytest.mark.parametrize(
    "pair", [b"[0,1]", b"[1]", b"[1,2,3]", b"[1,9223372036854775808]", b"[1.0,2]", b"{}"]
)
def test_a_stored_range_is_two_numbers_from_one_to_the_largest_int64(pair: bytes) -> None:
    with pytest.raises(InvalidEnvelopeError):
        codec.decode_ack(b'{"v":1,"spool":"s1","time_ns":5,"stored":[%s]}' % pair, None)
