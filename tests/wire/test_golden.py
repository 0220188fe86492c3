"""The wire format does not change unnoticed. Changed on purpose? `python -m tests.wire.golden`."""

from __future__ import annotations

import msgspec
import pytest
from tests.wire import golden
from tests.wire.examples import ENVELOPE, INSTRUCTION, MEASUREMENTS, PUBLIC_KEY, START_NS

from pantau_wire import codec, signing
from pantau_wire.fields import KINDS
from pantau_wire.schema import columns


def compact(name: str) -> bytes:
    return msgspec.json.format((golden.FOLDER / f"{name}.json").read_bytes(), indent=-1)


def test_the_golden_files_and_the_spec_hold_what_the_codec_writes_today() -> None:
    assert golden.stale() == [], f"changed on purpose? {golden.COMMAND}"


def test_every_kind_has_a_golden_file() -> None:
    assert MEASUREMENTS.keys() == KINDS.keys()
    assert {f"{kind}.json" for kind in KINDS} <= {path.name for path in golden.FOLDER.iterdir()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_golden_measurement_has_every_field_and_survives_byte_for_byte(kind: str) -> None:
    text = compact(kind)
    assert codec.encode_measurement(codec.decode_measurement(text)) == text
    assert set(msgspec.json.decode(text)) == {"kind"} | {column.name for column in columns(kind)}


def test_the_golden_envelope_survives_byte_for_byte() -> None:
    decoded = codec.decode_envelope(compact("envelope"), codec.JSON, START_NS)
    assert decoded.records == ENVELOPE.measurements
    assert decoded.refused == ()
    assert msgspec.json.encode(ENVELOPE) == compact("envelope")


def test_the_golden_ack_survives_byte_for_byte() -> None:
    assert codec.encode(codec.decode_ack(compact("ack"), codec.JSON)) == (compact("ack"), codec.JSON)


def test_the_golden_status_survives_byte_for_byte() -> None:
    assert codec.encode_status(codec.decode_status(compact("status"), codec.JSON)) == compact("status")


def test_the_golden_configuration_is_signed_as_rfc_8032_and_this_page_say() -> None:
    message = codec.decode_config(compact("config"), codec.JSON)
    assert msgspec.json.encode(message) == compact("config")
    signing.verify(message, PUBLIC_KEY)
    assert codec.decode_instruction(message.signed) == INSTRUCTION
