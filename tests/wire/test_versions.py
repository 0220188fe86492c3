"""Newer senders: unknown members are passed over at every level, an unknown major version is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.building import HEADER, payload, record_json
from tests.wire.strategies import NOW_NS, headers, of, records, thorough

from pantau_wire import codec
from pantau_wire.envelope import Ack, Record, Status
from pantau_wire.errors import InvalidEnvelopeError, UnknownVersionError, WireError

if TYPE_CHECKING:
    from pantau_wire.envelope import Header

UNKNOWN = {"later_ms": 1.5, "later": [None, {"a": [True, "x"]}], "später": {"kind": "dns"}}


@thorough
@given(headers(), records())
def test_unknown_members_are_passed_over_at_every_level_of_an_envelope(
    header: Header, record: Record
) -> None:
    whole = msgspec.to_builtins(header) | {"measurements": [msgspec.to_builtins(record)]}
    sent = msgspec.json.encode(_with_unknown_members(whole))
    assert codec.decode_envelope(sent, None, NOW_NS) == codec.Decoded(header, (record,))


@thorough
@given(of(Ack), of(Status))
def test_unknown_members_are_passed_over_at_every_level_of_ack_and_status(ack: Ack, status: Status) -> None:
    ack, status = msgspec.structs.replace(ack, v=1), msgspec.structs.replace(status, v=1)
    assert codec.decode_ack(_grown(ack), None) == ack
    assert codec.decode_status(_grown(status), None) == status


@thorough
@given(st.integers().filter(lambda version: version != 1))
def test_another_major_version_is_refused_as_such_whatever_else_it_holds(version: int) -> None:
    text = b'{"measurements":{"all":"different"},"v":%d,"device":7}' % version
    for decode in (codec.decode_ack, codec.decode_status, _decode_envelope):
        with pytest.raises(UnknownVersionError):
            decode(text, None)


@pytest.mark.parametrize(
    "text", [b"{}", b'{"v":"1"}', b'{"v":1.0}', b'{"v":true}', b'{"v":null}', b"[1]", b"1"]
)
def test_a_version_that_is_missing_or_no_whole_number_is_refused(text: bytes) -> None:
    for decode in (codec.decode_ack, codec.decode_status, _decode_envelope):
        with pytest.raises(InvalidEnvelopeError):
            decode(text, None)


def test_an_envelope_of_an_unknown_version_still_tells_whom_to_answer_about_what() -> None:
    bent = [b'{"seq":7,"point":[1,2]}', b'{"seq":9}', b'{"seq":8,"data":null}', b'{"seq":12}']
    text = payload(*bent).replace(b'"v":1', b'"v":2').replace(b'"boot":"b1",', b"")
    assert codec.decode_outline(text, None) == codec.Outline(2, "desa-1", "s1", ((7, 9), (12, 12)))


@thorough
@given(st.sampled_from([b'"device":"desa-1",', b'"spool":"s1",', b'"v":1,', b'"seq":1,']))
def test_an_envelope_that_does_not_even_tell_that_is_refused(member: bytes) -> None:
    text = payload(record_json()).replace(member, b"")
    with pytest.raises(WireError):
        codec.decode_outline(text, None)


def test_the_header_of_a_decoded_envelope_is_a_header_and_nothing_more() -> None:
    decoded = codec.decode_envelope(payload(record_json()), None, NOW_NS)
    assert type(decoded.header) is type(HEADER)
    assert decoded.header == HEADER


def _decode_envelope(data: bytes, content_type: str | None) -> object:
    return codec.decode_envelope(data, content_type, NOW_NS)


def _grown(message: Ack | Status) -> bytes:
    return msgspec.json.encode(_with_unknown_members(msgspec.to_builtins(message)))


def _with_unknown_members(value: Any) -> Any:
    if isinstance(value, dict):
        return UNKNOWN | {name: _with_unknown_members(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_unknown_members(item) for item in value]
    return value
