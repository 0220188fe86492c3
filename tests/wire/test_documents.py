"""What another implementer reads is complete, and is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import typing

import pytest
from tests.wire.golden import ROOT, SPEC

from pantau_wire import codec, envelope, errors, fields, remote, topics
from pantau_wire.fields import KINDS
from pantau_wire.schema import columns

STRUCTS = [
    *(envelope.Header, envelope.Envelope, envelope.Record, envelope.Dropped, envelope.Ack, envelope.Rejected),
    *(envelope.Deferred, envelope.Status, remote.ConfigMessage, remote.Instruction, remote.ConfigReport),
]


def spec() -> str:
    return SPEC.read_text()


def words_of_table(heading: str) -> list[str]:
    """The words in the first column of the table with this first heading."""
    table = spec().split(f"| {heading} | meaning |\n| --- | --- |\n")[1].split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_the_field_pages_hold_what_the_table_of_fields_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "fields-doc.py"), "--check"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("page", ["fields.md", "kolom.md"])
def test_the_field_pages_name_every_field_under_its_kind(page: str) -> None:
    sections = (ROOT / "docs" / page).read_text().split("\n## ")[1:]
    found = {
        section.split("`")[1]: re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) for section in sections
    }
    assert found == {kind: [column.name for column in columns(kind)] for kind in KINDS}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_the_spec_names_every_member_around_the_measurements(struct: type) -> None:
    text = spec()
    missing = [name for name in struct.__annotations__ if not re.search(rf"`([a-z]+\[\]\.)?{name}`", text)]
    assert missing == []


def test_the_spec_lists_the_very_words_for_failures_and_deferrals() -> None:
    assert words_of_table("`failure`") == list(typing.get_args(fields.Failure))
    assert words_of_table("`reason` of `deferred`") == list(typing.get_args(envelope.DeferReason))
    assert words_of_table("`refused`") == list(typing.get_args(remote.RefusalReason))


def test_the_spec_explains_every_clock_state_drop_reason_and_status() -> None:
    text = spec()
    state = typing.get_type_hints(envelope.Status)["state"]
    for literal in (fields.ClockState, envelope.DropReason, state):
        assert [word for word in typing.get_args(literal) if f"`{word}`" not in text] == []


def test_the_spec_gives_the_limits_that_the_code_has() -> None:
    text = spec()
    assert f"{envelope.MAX_PAYLOAD_BYTES:,} bytes" in text
    assert f"0 to {envelope.MAX_RECORDS:,} |" in text
    assert "2025-01-01T00:00:00Z to 24 h ahead" in text
    assert f"at most {remote.MAX_SIGNED_CHARS:,} characters" in text
    assert f"Ours\ndeflates from {codec.DEFLATE_FROM_BYTES} bytes" in text
    for content_type in (codec.JSON, codec.DEFLATED_JSON):
        assert f"`{content_type}`" in text


def test_the_spec_lists_every_topic() -> None:
    text = spec()
    for channel in typing.get_args(topics.Channel):
        assert f"| `{topics.PREFIX}/{{device}}/{channel}` |" in text
    assert f"`{topics.SHARED_MEASUREMENTS}`" in text
    assert all(f"`{prefix}`" in text for prefix in topics.RESERVED_ID_PREFIXES)


def test_every_error_has_a_reason_of_its_own_fit_for_a_label() -> None:
    reasons = [
        error.reason for error in errors.WireError.__subclasses__() if error.__module__ == errors.__name__
    ]
    assert len(set(reasons)) == len(reasons) == 11
    assert all(re.fullmatch(r"[a-z_]{1,30}", reason) for reason in reasons)
