"""Whatever bytes come in: a result or a `WireError`, in bounded memory."""

from __future__ import annotations

import random
import re
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.wire.building import payload, record_json
from tests.wire.examples import CONFIG
from tests.wire.strategies import NOW_NS, thorough

from pantau_wire import codec
from pantau_wire.codec import encode, encode_status
from pantau_wire.envelope import MAX_PAYLOAD_BYTES, Ack, Deferred, Rejected, Status
from pantau_wire.errors import MalformedPayloadError, PayloadTooLargeError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    Decoder = Callable[[bytes, str | None], object]

CONTENT_TYPES = (None, "", codec.JSON, codec.DEFLATED_JSON, "text/plain", "application/json; charset=utf-8")
DECODERS: tuple[Decoder, ...] = (
    lambda data, content_type: codec.decode_envelope(data, content_type, NOW_NS),
    codec.decode_outline,
    codec.decode_ack,
    codec.decode_status,
    codec.decode_config,
    lambda data, _: codec.decode_instruction(data.decode(errors="replace")),
    lambda data, _: codec.decode_measurement(data),
)
GOOD = (
    payload(record_json(1), record_json(2)),
    encode(
        Ack(
            spool="s1",
            time_ns=NOW_NS,
            stored=((1, 2),),
            rejected=(Rejected(seq=3, reason="invalid_record"),),
            deferred=(Deferred(first_seq=4, last_seq=5, retry_after_s=60, reason="rate_limit"),),
        )
    )[0],
    encode_status(Status(state="lost", agent="1.0", boot="b1", time_ns=NOW_NS)),
    msgspec.json.encode(CONFIG),
    CONFIG.signed.encode(),
)
# What a parser or a validator trips over, put where a value or a text stood.
NASTY = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"-0.0", b"01", b"1.", b"true", b"null"),
    *(b"9" * 30, b"9" * 5000, b"-" + b"9" * 400, b"1" + b"0" * 400 + b".5", b"0." + b"0" * 400 + b"1"),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\\u0000"', b'"\x00"', b'"\n"'),
    *(b'"\\n"', b'"\\u0085"', b'"\\u2028"', b'""', b'"' + b"a" * 5000 + b'"', b'"$(id)"', b"//", b"'x'"),
    *(b"[]", b"{}", b"[" * 3000, b"[" * 500 + b"]" * 500, b'{"a":' * 3000, b"\xef\xbb\xbf"),
    *(b'{"kind":"dns"}', b'{"kind":["dns"]}', b'{"kind":"\xff"}'),
)


def decode_all(data: bytes, content_type: str | None) -> None:
    for decode in DECODERS:
        refusal = _refusal(decode, data, content_type)
        assert refusal is None or (refusal.isprintable() and len(refusal) <= 300)


@thorough
@given(st.binary(max_size=2000), st.sampled_from(CONTENT_TYPES))
@example(b"", None)
@example(b"", codec.DEFLATED_JSON)
@example(b"\xff\xfe", None)
@example(b'{"v":1}\x00', None)
def test_arbitrary_bytes_raise_nothing_but_a_wire_error(data: bytes, content_type: str | None) -> None:
    decode_all(data, content_type)


@thorough
@given(st.sampled_from(GOOD), st.data())
def test_a_good_payload_with_bytes_changed_raises_nothing_but_a_wire_error(
    good: bytes, data: st.DataObject
) -> None:
    broken = bytearray(good)
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=4)):
        broken[place] = data.draw(st.integers(0, 255))
    decode_all(bytes(broken), None)


@pytest.mark.parametrize("good", GOOD)
def test_a_payload_cut_anywhere_raises_nothing_but_a_wire_error(good: bytes) -> None:
    deflated = zlib.compress(good)
    for end in range(len(good)):
        decode_all(good[:end], None)
    for end in range(len(deflated)):
        decode_all(deflated[:end], codec.DEFLATED_JSON)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_value_in_any_place_raises_nothing_but_a_wire_error(nasty: bytes) -> None:
    for good in GOOD:
        for start, end in _tokens(good):
            decode_all(good[:start] + nasty + good[end:], None)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_value_under_an_unknown_name_raises_nothing_but_a_wire_error(nasty: bytes) -> None:
    for good in GOOD:
        decode_all(good.replace(b"{", b'{"later":%s,' % nasty), None)


def test_random_splices_of_good_and_nasty_raise_nothing_but_a_wire_error() -> None:
    chance = random.Random(1)
    for _ in range(3000):
        left, right = chance.choice(GOOD), chance.choice(GOOD)
        middle = chance.choice(NASTY)
        broken = left[: chance.randrange(len(left))] + middle + right[chance.randrange(len(right)) :]
        decode_all(broken, None)
        decode_all(zlib.compress(broken), codec.DEFLATED_JSON)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_nesting_to_the_payload_limit_is_refused(opening: bytes) -> None:
    deep = opening * (MAX_PAYLOAD_BYTES // len(opening))
    decode_all(deep, None)
    with pytest.raises(MalformedPayloadError):
        codec.decode_envelope(b'{"v":1,"x":' + deep[:-100], None, NOW_NS)


@pytest.mark.parametrize("zeros", [MAX_PAYLOAD_BYTES + 1, 200 * 1024 * 1024])
def test_a_deflate_bomb_is_refused_before_it_unfolds(zeros: int) -> None:
    bomb = _bomb(zeros)
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLargeError):
            codec.decode_envelope(bomb, codec.DEFLATED_JSON, NOW_NS)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_PAYLOAD_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "item", [b"1", b"[]", b"{}", b'{"seq":1}', b'{"kind":{}}', b'"' + b"\\u00e9" * 40 + b'"', b"[[[[]]]]"]
)
def test_a_payload_full_of_small_things_takes_bounded_memory(item: bytes) -> None:
    texts = [
        b'{"v":1,"measurements":[%s]}',
        b'{"v":1,"dropped":[%s]}',
        b'{"v":1,"stored":[%s]}',
        b'{"x":[%s],"v":1}',
    ]
    many = b",".join([item] * ((MAX_PAYLOAD_BYTES - 100) // (len(item) + 1)))
    for text in texts:
        tracemalloc.start()
        try:
            decode_all(text % many, None)
            assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
        finally:
            tracemalloc.stop()


def test_long_identifiers_and_names_are_refused_in_linear_time() -> None:
    header = (
        b'{"v":1,"device":"%s","agent":"%s","spool":"s","boot":"b","oldest_unacked_seq":1,"measurements":[1]}'
    )
    long = b"a" * (MAX_PAYLOAD_BYTES // 2 - 100)
    for text in (header % (long, b"1"), header % (b"d", long), header % (long + b"\\u0001", b"1")):
        with pytest.raises(WireError):
            codec.decode_envelope(text, None, NOW_NS)


@pytest.mark.parametrize("after", [b"x", b"\x00", zlib.compress(b"{}")])
def test_bytes_after_the_deflate_data_are_refused(after: bytes) -> None:
    deflated = zlib.compress(payload(record_json()))
    with pytest.raises(MalformedPayloadError, match="follows"):
        codec.decode_envelope(deflated + after, codec.DEFLATED_JSON, NOW_NS)


@pytest.mark.parametrize("window", [-15, 31])
def test_raw_deflate_and_gzip_are_refused(window: int) -> None:
    with pytest.raises(MalformedPayloadError):
        codec.decode_envelope(
            zlib.compress(payload(record_json()), wbits=window), codec.DEFLATED_JSON, NOW_NS
        )


def test_deflate_data_that_needs_a_dictionary_is_refused() -> None:
    packer = zlib.compressobj(zdict=b'"measurements"')
    with pytest.raises(MalformedPayloadError):
        codec.decode_envelope(
            packer.compress(payload(record_json())) + packer.flush(), codec.DEFLATED_JSON, NOW_NS
        )


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/JSON", "application/json; charset=utf-8", " "]
)
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(MalformedPayloadError, match="content type"):
        codec.decode_envelope(payload(record_json()), content_type, NOW_NS)


def test_an_envelope_of_the_worst_records_can_still_be_answered() -> None:
    kind = b"\\\\" * 60
    bad = [b'{"seq":%d,"data":{"kind":"%s"}}' % (2**63 - 1 - i, kind) for i in range(1000)]
    refused = codec.decode_envelope(payload(*bad), None, NOW_NS).refused
    answer = Ack(
        spool="s" * 64,
        time_ns=NOW_NS,
        rejected=tuple(
            Rejected(seq=bad.seq or 1, reason=f"{bad.error.reason}: {bad.error}") for bad in refused
        ),
    )
    assert len(answer.rejected) == 1000
    assert codec.decode_ack(*codec.encode(answer)) == answer


def _refusal(decode: Decoder, data: bytes, content_type: str | None) -> str | None:
    try:
        decode(data, content_type)
    except WireError as error:
        return str(error)
    return None


def _tokens(text: bytes) -> list[tuple[int, int]]:
    """Where numbers and strings stand in JSON that has no escapes."""
    return [found.span() for found in re.finditer(rb'"[^"]*"|\d+(\.\d+)?', text)]


def _bomb(zeros: int) -> bytes:
    packer = zlib.compressobj(9)
    chunk = bytes(1024 * 1024)
    parts = [packer.compress(chunk[: min(len(chunk), zeros - at)]) for at in range(0, zeros, len(chunk))]
    return b"".join(parts) + packer.flush()
