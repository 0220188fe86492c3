"""What a device with a valid certificate may send to do harm: a corpus, and a generator.

Every attack of the corpus says where it must end: the reasons of its dead letters, and which of its numbers
are stored, rejected or deferred.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from hypothesis import strategies as st
from tests.collector.ingest.envelopes import START_NS, bad_record, envelope, envelope_of, plain, record
from tests.wire.strategies import headers, records

from pantau_collector.ingest.sorting import Message
from pantau_wire import codec
from pantau_wire.envelope import Dropped

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

NOW_NS = START_NS + 3600 * 10**9
DAY_NS = 86_400 * 10**9
FOR_EVER = 2**63 - 1


@dataclass(frozen=True)
class Attack:
    """A payload of `desa-1`, and where it ends."""

    payload: bytes
    content_type: str | None = codec.JSON
    reasons: tuple[str, ...] = ()
    stored: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    deferred: tuple[int, ...] = ()


def _whole(payload: bytes, reason: str, content_type: str | None = codec.JSON) -> Attack:
    """An attack that is refused whole, and cannot be answered."""
    return Attack(payload, content_type, (reason,))


def _of(text: str | bytes) -> bytes:
    """An envelope of this record, which mostly says that it is number 2, between two good ones."""
    raw = msgspec.Raw(text if isinstance(text, bytes) else text.encode())
    return plain(envelope_of(record(1), raw, record(3))[0])


def _record(text: str | bytes, reason: str = "invalid_record") -> Attack:
    """An attack in one record: its neighbours are stored."""
    return Attack(_of(text), reasons=(reason,), stored=(1, 3), rejected=(2,))


def _stamped(**values: object) -> str:
    good = {"seq": 2, "time_ns": START_NS + 2, "uptime_ns": 1, "clock": "synced", "data": _dns()}
    return json.dumps(good | values)


def _dns(**values: object) -> dict[str, object]:
    return {"kind": "dns", "resolver": "r", "name": "n", "resolve_ms": 1.0} | values


def _field(text: str, field: str = "resolve_ms") -> str:
    """A record whose field holds this JSON text."""
    return _stamped(data=_dns(**{field: "HERE"})).replace('"HERE"', text)


def _taken(text: str) -> Attack:
    """A record that looks hostile and is none."""
    return Attack(_of(text), stored=(1, 2, 3))


def _nested(opening: str, closing: str, levels: int, inside: str = "") -> str:
    return opening * levels + inside + closing * levels


_GOOD = plain(envelope([1, 2, 3])[0])
_UNKNOWN_FIELDS = ",".join(f'"x{number}":{number}' for number in range(10_000))
_THOUSAND = envelope_of(*(bad_record(seq) for seq in range(1, 1001)))

LINE_PROTOCOL = (
    "n,device=other value=1 1750000000000000000",
    'n" f=1i,g="x',
    "n\\ ,=\\\\",
    "'); DROP TABLE dns; --",
    "${jndi:ldap://127.0.0.1/x}",
    "<script>alert(1)</script>",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe",
    "=cmd|' /C calc'!A0",
)

CORPUS: dict[str, Attack] = {
    # not JSON, or not of ours
    "nothing": _whole(b"", "malformed"),
    "noise": _whole(bytes(range(256)) * 40, "malformed", None),
    "zeros": _whole(b"\0" * 1000, "malformed"),
    "a list": _whole(b"[]", "invalid_envelope"),
    "NaN as the version": _whole(b'{"v":NaN}', "malformed"),
    "two documents": _whole(_GOOD + _GOOD, "malformed"),
    "cut short": _whole(_GOOD[:-1], "malformed"),
    "a byte-order mark": _whole(b"\xef\xbb\xbf" + _GOOD, "malformed"),
    "UTF-16": _whole(_GOOD.decode().encode("utf-16"), "malformed"),
    "single quotes": _whole(_GOOD.replace(b'"', b"'"), "malformed"),
    "a comment": _whole(b"/* */" + _GOOD, "malformed"),
    "an unknown content type": _whole(_GOOD, "malformed", "text/html; charset=\N{HOUSE BUILDING}"),
    "a content type of a thousand characters": _whole(_GOOD, "malformed", "a" * 1000),
    "deflate that is none": _whole(_GOOD, "malformed", codec.DEFLATED_JSON),
    "deflate cut short": _whole(zlib.compress(_GOOD)[:-1], "malformed", codec.DEFLATED_JSON),
    "raw deflate": _whole(zlib.compress(_GOOD, wbits=-15), "malformed", codec.DEFLATED_JSON),
    "gzip": _whole(zlib.compress(_GOOD, wbits=31), "malformed", codec.DEFLATED_JSON),
    "bytes after deflate": _whole(zlib.compress(_GOOD) + b"x", "malformed", codec.DEFLATED_JSON),
    # size
    "a bomb of spaces": _whole(zlib.compress(b" " * 2**26, 9), "too_large", codec.DEFLATED_JSON),
    "a bomb of brackets": _whole(zlib.compress(b"[" * 2**26, 9), "too_large", codec.DEFLATED_JSON),
    "a byte too long": _whole(_GOOD + b" " * (codec.MAX_PAYLOAD_BYTES + 1 - len(_GOOD)), "too_large"),
    "a bomb within a bomb": _whole(
        zlib.compress(zlib.compress(b" " * 2**20)), "malformed", codec.DEFLATED_JSON
    ),
    "an abyss of brackets": _whole(b"[" * 250_000, "invalid_envelope"),
    "an abyss of objects": _whole(b'{"v":' * 50_000, "invalid_envelope"),
    "an abyss behind a good header": _whole(b'{"v":1,"x":' + b"[" * 200_000, "malformed"),
    "a thousand and one records": _whole(
        b'{"v":1,"device":"desa-1","agent":"1","spool":"s1","boot":"b1","oldest_unacked_seq":1,"measurements":['
        + b",".join(bytes(record(seq)) for seq in range(1, 1002))
        + b"]}",
        "invalid_envelope",
    ),
    # the header
    "a huge version": _whole(b'{"v":' + b"9" * 100_000 + b"}", "invalid_envelope"),
    "a version of text": _whole(_GOOD.replace(b'"v":1', b'"v":"1"'), "invalid_envelope"),
    "another device's": _whole(plain(envelope([1], device="desa-2")[0]), "identity"),
    "another device's, said last": _whole(
        _GOOD.replace(b'"v":1', b'"v":1,"device":"desa-1"').replace(
            b'"measurements"', b'"device":"desa-2","measurements"'
        ),
        "identity",
    ),
    "its own device, said last": Attack(
        _GOOD.replace(b'"device":"desa-1"', b'"device":"desa-2","device":"desa-1"'), stored=(1, 2, 3)
    ),
    "a device with a slash": _whole(_GOOD.replace(b"desa-1", b"desa-1/x"), "invalid_envelope"),
    "a device that is not UTF-8": _whole(_GOOD.replace(b"desa-1", b"desa\xff"), "malformed"),
    "no agent": Attack(
        _GOOD.replace(b'"agent":"1.0.0",', b""), reasons=("invalid_envelope",), rejected=(1, 2, 3)
    ),
    "a range that runs backwards": Attack(
        _GOOD.replace(b'"v":1', b'"v":1,"dropped":[{"first_seq":9,"last_seq":8,"reason":"spool_full"}]'),
        reasons=("invalid_envelope",),
        rejected=(1, 2, 3),
    ),
    "a newer version": Attack(
        b'{"v":2,"device":"desa-1","spool":"s1","measurements":[{"seq":2}]}', deferred=(2,)
    ),
    "ten thousand unknown fields": Attack(
        _GOOD.replace(b'"v":1', b'"v":1,' + _UNKNOWN_FIELDS.encode()), stored=(1, 2, 3)
    ),
    "two lists of measurements": Attack(
        _GOOD.replace(b'"measurements":[', b'"measurements":[{"seq":"x"}],"measurements":['), stored=(1, 2, 3)
    ),
    "a thousand dropped ranges": Attack(
        *envelope(
            [1],
            dropped=tuple(
                Dropped(first_seq=at, last_seq=FOR_EVER, reason="spool_full") for at in range(2, 1002)
            ),
        ),
        stored=(1,),
    ),
    # one record
    "a record that is a number": Attack(_of("2"), reasons=("invalid_record",), stored=(1, 3)),
    "a number as text": _record(_field('"1"')),
    "text as a number": _record(_field("7", "name")),
    "a list as a number": _record(_field("[1]")),
    "true as a number": _record(_field("true")),
    "a huge number": _record(_field("1e308")),
    "more than a double holds": _record(_field("1e999")),
    "less than a double holds": _record(_field("-1e999")),
    "four hundred digits": _record(_field("9" * 400)),
    "a negative delay": _record(_field("-1")),
    "a number of no kind": _record(_field('"NaN"')),
    "a nested abyss in a record": _record(_field(_nested("[", "]", 900))),
    "an unknown kind": _record(_stamped(data={"kind": "lynx"})),
    "a kind of lists": _record(_stamped(data={"kind": ["dns"]})),
    "two kinds": _record(_field('1,"kind":"http"')),
    "a control character in a name": _record(_field('"a\\u0007b"', "name")),
    "a line break in a name": _record(_field('"a\\nb"', "name")),
    "a null character in a name": _record(_field('"a\\u0000b"', "name")),
    "a Unicode line break in a name": _record(_field('"a\\u2028b"', "name")),
    "half a surrogate": _whole(_of(_field('"\\ud800"', "name")), "malformed"),
    "a name that is not UTF-8": _record(_field('"HERE"', "name").encode().replace(b"HERE", b"\xff\xfe")),
    "a name of 201 characters": _record(_field(f'"{"n" * 201}"', "name")),
    "a key missing": _record(_stamped(data={"kind": "dns", "resolver": "r"})),
    "a key that is null": _record(_field("null", "name")),
    "an unknown clock": _record(_stamped(clock="sundial")),
    "before there was Pantau": _record(_stamped(time_ns=0), "implausible_time"),
    "in the year 2262": _record(_stamped(time_ns=2**63 - 1), "implausible_time"),
    "a hundred years ahead": _record(_stamped(time_ns=NOW_NS + 36_525 * DAY_NS), "implausible_time"),
    "beyond 64 bits": _record(_stamped(time_ns=2**64)),
    "a negative time": _record(_stamped(time_ns=-1)),
    "a time with a fraction": _record(_stamped(time_ns=START_NS + 0.5)),
    "the number zero": Attack(_of(_stamped(seq=0)), reasons=("invalid_record",), stored=(1, 3)),
    "a number beyond 64 bits": Attack(_of(_stamped(seq=2**63)), reasons=("invalid_record",), stored=(1, 3)),
    "a thousand bad records": Attack(
        *_THOUSAND, reasons=("invalid_record",) * 1000, rejected=tuple(range(1, 1001))
    ),
    "the same value, twice": _taken(_field('7,"resolve_ms":1')),
    "the smallest number there is": _taken(_field("5e-324")),
    "digits without end": _taken(_field("1." + "3" * 5000)),
    "unknown things, nested": _taken(_field(f'1,"later":{_nested("[", "]", 200)}')),
}
CORPUS |= {f"a name that injects: {name}": _taken(_field(json.dumps(name), "name")) for name in LINE_PROTOCOL}


@st.composite
def messages(draw: DrawFn) -> Message:
    """An envelope as it should be, or bent: records broken, bytes changed, cut, deflated, mislabelled."""
    device = draw(st.sampled_from(["desa-1", "desa-1", "desa-1", "stranger", "collector-1", "\x00", "a/b"]))
    chosen = draw(headers())
    head = msgspec.structs.replace(chosen, device=draw(st.sampled_from(["desa-1", device, chosen.device])))
    good = draw(st.lists(records(), max_size=4, unique_by=lambda one: one.seq))
    raw = [msgspec.Raw(msgspec.json.encode(one)) for one in good]
    raw += [bad_record(seq) for seq in draw(st.lists(st.integers(0, 2**63), max_size=2))]
    values = {name: getattr(head, name) for name in head.__struct_fields__}
    text = msgspec.json.encode(values | {"v": draw(st.sampled_from([1, 1, 1, 2])), "measurements": raw})
    payload = draw(bent(text))
    content_type = draw(st.sampled_from([codec.JSON, None, codec.DEFLATED_JSON, "text/plain"]))
    if content_type == codec.DEFLATED_JSON:
        payload = draw(bent(zlib.compress(payload)))
    return Message(f"pantau/v1/{device}/measurements", payload, content_type)


@st.composite
def bent(draw: DrawFn, data: bytes) -> bytes:
    """Mostly the same bytes; else some are replaced, or all are."""
    how = draw(st.sampled_from(["same", "same", "cut", "splice", "random"]))
    if how == "same":
        return data
    if how == "random":
        return draw(st.binary(max_size=200))
    start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    return data[:start] if how == "cut" else data[:start] + draw(st.binary(max_size=8)) + data[end:]
