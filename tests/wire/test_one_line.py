"""Every text of every measurement is one line, however the character that breaks it is written."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.building import payload, record_json
from tests.wire.strategies import NOW_NS

from pantau_wire import codec, one_line, schema
from pantau_wire.errors import InvalidRecordError
from pantau_wire.fields import KINDS, Dns

BREAKING = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"]
HARMLESS = ["é", "\u00a0", "字", '"', "\\", "/", "~", "\u2027", "\U0001f30b"]


def decoded(name: str, *, ascii_only: bool) -> codec.Decoded:
    """An envelope of three, the second with this name; what is not ASCII escaped or not."""
    text = json.dumps({"kind": "dns", "resolver": "a", "name": name}, ensure_ascii=ascii_only)
    return codec.decode_envelope(
        payload(record_json(1), record_json(2, data=text.encode()), record_json(3)), None, NOW_NS
    )


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("character", BREAKING)
def test_what_breaks_a_line_is_refused_alone(character: str, *, ascii_only: bool) -> None:
    found = decoded(f"x{character}y", ascii_only=ascii_only)
    assert [record.seq for record in found.records] == [1, 3]
    assert [(one.seq, type(one.error)) for one in found.refused] == [(2, InvalidRecordError)]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("character", HARMLESS)
def test_what_does_not_is_taken(character: str, *, ascii_only: bool) -> None:
    found = decoded(f"x{character}y", ascii_only=ascii_only)
    assert found.records[1].data == Dns(resolver="a", name=f"x{character}y")
    assert not found.refused


@pytest.mark.parametrize("kind", KINDS)
def test_each_text_of_each_kind_is_looked_at(kind: str) -> None:
    """A field that is added later cannot be forgotten: whatever is a text is refused with a line break."""
    keys = {"source": "host", "target": "gateway", "method": "icmp", "engine": "http"}
    keys |= dict.fromkeys(("interface", "resolver", "name", "page"), "x")
    needed = {name: keys[name] for name in schema.key_names(kind)}
    texts = [column.name for column in schema.columns(kind) if column.type == "text"]
    assert "failure_detail" in texts
    for name in texts:
        data = json.dumps({"kind": kind, **needed, name: "host\n"}).encode()
        with pytest.raises(InvalidRecordError):
            codec.decode_measurement(data)


@given(st.text())
def test_what_is_certain_has_no_text_that_breaks(text: str) -> None:
    """The look at the whole never lets through what the look at each text would not."""
    for ascii_only in (True, False):
        written = json.dumps([text], ensure_ascii=ascii_only).encode()
        if one_line.is_certain(written):
            assert all(character not in BREAKING for character in msgspec.json.decode(written)[0])
