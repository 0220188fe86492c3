"""A bad record is refused alone, with its seq, its reason and its own bytes; its neighbours are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.building import HEADER, MEASUREMENT, payload, record_json
from tests.wire.strategies import NOW_NS, thorough

from pantau_wire import codec
from pantau_wire.errors import (
    ImplausibleTimeError,
    InvalidEnvelopeError,
    InvalidRecordError,
    MalformedPayloadError,
)

if TYPE_CHECKING:
    from pantau_wire.codec import Decoded

START = b'{"seq":2,"time_ns":%d,"uptime_ns":5,"clock":"synced","data":' % NOW_NS
BAD = {
    "no stamp": b'{"seq":2,"data":{"kind":"dns","resolver":"a","name":"b"}}',
    "no data": START[:-8] + b"}",
    "unknown kind": START + b'{"kind":"weather"}}',
    "kind is no text": START + b'{"kind":7}}',
    "no kind": START + b'{"resolver":"a","name":"b"}}',
    "no key": START + b'{"kind":"dns","resolver":"a"}}',
    "empty key": START + b'{"kind":"dns","resolver":"","name":"b"}}',
    "null key": START + b'{"kind":"dns","resolver":null,"name":"b"}}',
    "out of bounds": START + b'{"kind":"latency","target":"gateway","method":"icmp","rt_loss_ratio":1.01}}',
    "unknown word": START + b'{"kind":"latency","target":"moon","method":"icmp"}}',
    "unknown failure": START + b'{"kind":"dns","resolver":"a","name":"b","failure":"gremlins"}}',
    "number as text": START + b'{"kind":"dns","resolver":"a","name":"b","resolve_ms":"5"}}',
    "truth as number": START + b'{"kind":"dns","resolver":"a","name":"b","answer_count":true}}',
    "number as truth": START + b'{"kind":"link","interface":"eth0","interface_up":1}}',
    "bad UTF-8": START + b'{"kind":"dns","resolver":"\xff","name":"b"}}',
    "control character": START + b'{"kind":"dns","resolver":"a\\u0007","name":"b"}}',
    "C1 control character": START + b'{"kind":"dns","resolver":"a\\u0085","name":"b"}}',
    "line break": START + b'{"kind":"dns","resolver":"a","name":"b","failure_detail":"x\\ny"}}',
    "Unicode line break": START + b'{"kind":"dns","resolver":"a","name":"b","failure_detail":"x\\u2028y"}}',
    "201 characters": START + b'{"kind":"dns","resolver":"a","name":"%s"}}' % (b"b" * 201),
    "unknown clock": START.replace(b"synced", b"perfect") + b'{"kind":"dns","resolver":"a","name":"b"}}',
}
NO_SEQ = (
    *(b"null", b"7", b'"x"', b"[]", b"{}", b'{"seq":0}', b'{"seq":-1}', b'{"seq":1.0}', b'{"seq":true}'),
    *(b'{"seq":"1"}', b'{"seq":9223372036854775808}', b'{"seq":null}'),
)


def decode(*records: bytes) -> Decoded:
    return codec.decode_envelope(payload(*records), None, NOW_NS)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_record_is_refused_alone_with_its_seq_and_bytes(bad: bytes) -> None:
    decoded = decode(record_json(1), bad, record_json(3))
    assert [record.seq for record in decoded.records] == [1, 3]
    assert [(refused.seq, refused.raw) for refused in decoded.refused] == [(2, bad)]
    assert isinstance(decoded.refused[0].error, InvalidRecordError)


@pytest.mark.parametrize("bad", NO_SEQ)
def test_a_record_whose_seq_cannot_be_told_is_refused_without_one(bad: bytes) -> None:
    decoded = decode(bad, record_json(3))
    assert [record.seq for record in decoded.records] == [3]
    assert [(refused.seq, refused.raw) for refused in decoded.refused] == [(None, bad)]


@thorough
@given(st.lists(st.sampled_from(["good", *BAD]), min_size=1, max_size=8))
def test_good_and_bad_records_come_out_in_their_order_whatever_the_mixture(names: list[str]) -> None:
    texts = [record_json(2) if name == "good" else BAD[name] for name in names]
    decoded = decode(*texts)
    assert len(decoded.records) == names.count("good")
    assert [refused.raw for refused in decoded.refused] == [
        text for name, text in zip(names, texts, strict=True) if name != "good"
    ]


def test_a_good_record_comes_out_the_same_whether_its_neighbour_is_bad_or_not() -> None:
    alone, beside = decode(record_json(1)), decode(record_json(1), BAD["no key"])
    assert alone.records == beside.records
    assert alone.records[0].data == MEASUREMENT
    assert alone.header == beside.header == HEADER


def test_a_record_with_an_implausible_time_keeps_its_own_bytes_for_the_dead_letters() -> None:
    early = record_json(2, time_ns=5).replace(b'"seq":2', b'"later":[1, 2],"seq":2')
    decoded = decode(record_json(1), early)
    assert [record.seq for record in decoded.records] == [1]
    assert isinstance(decoded.refused[0].error, ImplausibleTimeError)
    assert (decoded.refused[0].seq, decoded.refused[0].raw) == (2, early)


@pytest.mark.parametrize("bad", [b"NaN", b'{"seq":2,"x":Infinity}', b'{"seq":2', b'{"seq":2,"x":"\\ud800"}'])
def test_what_is_not_json_spoils_the_whole_payload(bad: bytes) -> None:
    with pytest.raises(MalformedPayloadError):
        decode(record_json(1), bad)


def test_what_is_wrong_with_the_header_spoils_the_whole_payload() -> None:
    for wrong in (b'"device":"a/b"', b'"device":"\xff"', b'"device":7', b'"other":"x"'):
        with pytest.raises((InvalidEnvelopeError, MalformedPayloadError)):
            codec.decode_envelope(payload(record_json()).replace(b'"device":"desa-1"', wrong), None, NOW_NS)
