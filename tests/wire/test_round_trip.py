"""What goes in comes out: every kind, the envelope, the ack, the status."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire import building
from tests.wire.strategies import NOW_NS, headers, measurements, of, records, thorough

from pantau_wire import codec
from pantau_wire.envelope import Ack, Envelope, Header, Record, Status
from pantau_wire.errors import InvalidRecordError
from pantau_wire.fields import KINDS, Dns, Measurement

if TYPE_CHECKING:
    from pantau_wire.fields import AnyMeasurement


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_survives_the_trip_with_any_values_its_bounds_allow(kind: str) -> None:
    @thorough
    @given(of(KINDS[kind]))
    def survives(measurement: AnyMeasurement) -> None:
        assert codec.decode_measurement(codec.encode_measurement(measurement)) == measurement

    survives()


@thorough
@given(measurements())
def test_encoding_what_was_decoded_gives_the_same_bytes(measurement: AnyMeasurement) -> None:
    text = codec.encode_measurement(measurement)
    assert codec.encode_measurement(codec.decode_measurement(text)) == text


@thorough
@given(headers(), st.lists(records(), min_size=1, max_size=3))
def test_an_envelope_survives_the_trip_plain_or_deflated(header: Header, sent: list[Record]) -> None:
    payload, content_type = codec.encode_envelope(header, [_encoded(record) for record in sent])
    decoded = codec.decode_envelope(payload, content_type, NOW_NS)
    assert decoded == codec.Decoded(header, tuple(sent))


@thorough
@given(headers(), st.lists(records(), min_size=1, max_size=3))
def test_spooled_bytes_and_whole_structs_make_the_same_payload(header: Header, sent: list[Record]) -> None:
    whole = Envelope(**msgspec.structs.asdict(header), measurements=tuple(sent))
    assert codec.encode(whole) == codec.encode_envelope(header, [_encoded(record) for record in sent])


@thorough
@given(of(Ack))
def test_an_ack_survives_the_trip(ack: Ack) -> None:
    ack = msgspec.structs.replace(ack, v=1)
    assert codec.decode_ack(*codec.encode(ack)) == ack


@thorough
@given(of(Status))
def test_a_status_survives_the_trip(status: Status) -> None:
    status = msgspec.structs.replace(status, v=1)
    assert codec.decode_status(codec.encode_status(status), codec.JSON) == status


def test_the_version_stands_in_every_message_even_where_it_is_the_default() -> None:
    ack = Ack(spool="s1", time_ns=NOW_NS)
    status = Status(state="online", agent="1", boot="b1", time_ns=NOW_NS)
    for payload in (
        codec.encode(ack)[0],
        codec.encode_status(status),
        building.packed(building.record_json())[0],
    ):
        assert payload.startswith(b'{"v":1,')


def test_deflate_is_used_from_512_bytes_and_only_where_it_makes_the_payload_smaller() -> None:
    assert codec._pack(b"a" * 511) == (b"a" * 511, codec.JSON)
    payload, content_type = codec._pack(b"a" * 512)
    assert (zlib.decompress(payload), content_type) == (b"a" * 512, codec.DEFLATED_JSON)
    noise = bytes(range(256)) * 2
    noise = zlib.compress(noise * 40 + b"".join(bytes([i % 251, i % 241]) for i in range(3000)))
    assert codec._pack(noise)[1] in (codec.JSON, codec.DEFLATED_JSON)
    assert len(codec._pack(noise)[0]) <= len(noise)


def test_what_is_not_a_finite_number_is_sent_as_absent() -> None:
    for value in (float("nan"), float("inf"), float("-inf")):
        text = codec.encode_measurement(Dns(resolver="a", name="b", resolve_ms=value))
        assert codec.decode_measurement(text) == Dns(resolver="a", name="b", resolve_ms=None)


def test_null_and_absent_are_the_same() -> None:
    absent = b'{"kind":"dns","resolver":"a","name":"b"}'
    null = b'{"kind":"dns","resolver":"a","name":"b","resolve_ms":null,"failure":null}'
    assert codec.decode_measurement(absent) == codec.decode_measurement(null)
    assert codec.encode_measurement(codec.decode_measurement(null)) == absent


def test_text_that_is_not_unicode_is_refused_before_it_is_spooled() -> None:
    with pytest.raises(InvalidRecordError, match="surrogates not allowed"):
        codec.encode_measurement(Dns(resolver="a", name="caf\udce9"))


@pytest.mark.parametrize("text", ["5", "5.0", "5e0", "0.5e1"])
def test_a_real_number_may_be_written_without_a_fraction(text: str) -> None:
    assert _dns(f'"resolve_ms":{text}').resolve_ms == 5.0


@pytest.mark.parametrize("text", ["5.0", "5e0", "true", '"5"', "[5]", "9223372036854775808", "-1", "1e400"])
def test_a_whole_number_has_no_fraction_exponent_or_quotes(text: str) -> None:
    with pytest.raises(InvalidRecordError):
        _dns(f'"answer_count":{text}')


@pytest.mark.parametrize("text", ["true", '"5"', "[5]", "1e400", "-0.001", "86400000.001"])
def test_a_real_number_is_a_number_within_its_bounds(text: str) -> None:
    with pytest.raises(InvalidRecordError):
        _dns(f'"resolve_ms":{text}')


def test_the_largest_whole_number_survives() -> None:
    assert _dns(f'"answer_count":{2**63 - 1}').answer_count == 2**63 - 1


def test_minus_zero_counts_as_zero() -> None:
    assert _dns('"resolve_ms":-0.0').resolve_ms == 0


def test_of_a_member_given_twice_the_last_one_counts() -> None:
    assert _dns('"resolve_ms":1,"resolve_ms":2').resolve_ms == 2


def test_a_kind_given_twice_differently_is_refused() -> None:
    with pytest.raises(InvalidRecordError):
        _dns('"kind":"http","page":"x"')


def _dns(members: str) -> Any:
    return codec.decode_measurement(b'{"kind":"dns","resolver":"a","name":"b",%s}' % members.encode())


def _encoded(record: Record) -> msgspec.Raw:
    assert isinstance(record.data, Measurement)
    return codec.encode_record(
        seq=record.seq,
        time_ns=record.time_ns,
        uptime_ns=record.uptime_ns,
        clock=record.clock,
        data=codec.encode_measurement(record.data),
    )
