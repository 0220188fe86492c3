"""Topics and the device ids in them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.strategies import thorough
from tests.wire.test_limits import BAD_IDS

from pantau_wire import topics
from pantau_wire.errors import InvalidTopicError
from pantau_wire.vocabulary import Id

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


@thorough
@given(IDS, st.sampled_from(topics._CHANNELS))
def test_a_topic_is_read_back_as_it_was_written(device: str, channel: Any) -> None:
    assert topics.parse(topics.topic(device, channel)) == (device, channel)


@pytest.mark.parametrize("bad", [*BAD_IDS, "collector-1", "collector-", "operator-1", "groups"])
def test_bad_and_reserved_device_ids_are_refused(bad: str) -> None:
    with pytest.raises(InvalidTopicError):
        topics.check_device_id(bad)
    with pytest.raises(InvalidTopicError):
        topics.topic(bad, "ack")
    with pytest.raises(InvalidTopicError):
        topics.parse(f"pantau/v1/{bad}/ack")


@pytest.mark.parametrize("good", ["collector", "Groups", "group", "a" * 64, "my-collector-1"])
def test_ids_that_only_resemble_reserved_ones_are_taken(good: str) -> None:
    assert topics.check_device_id(good) == good


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "/",
            "pantau/v1/a",
            "pantau/v2/a/ack",
            "pantau/v1/a/acks",
            "pantau/v1//ack",
            "/pantau/v1/a/ack",
        ),
        *(
            "pantau/v1/a/ack/",
            "pantau/v1/a/b/ack",
            "pantau/v1/groups/g/config",
            "$share/ingest/pantau/v1/a/ack",
        ),
        *("pantau/v1/+/ack", "pantau/v1/#", "Pantau/v1/a/ack", "pantau/v1/a/ACK", "pantau/v1/a/ack\n"),
    ],
)
def test_every_other_topic_is_refused(name: str) -> None:
    with pytest.raises(InvalidTopicError):
        topics.parse(name)


@thorough
@given(st.text(max_size=80))
def test_any_text_is_a_topic_of_ours_or_refused_in_one_short_line(name: str) -> None:
    try:
        device, channel = topics.parse(name)
    except InvalidTopicError as error:
        refusal = str(error)
    else:
        assert topics.topic(device, channel) == name
        return
    assert refusal.isprintable()
    assert len(refusal) <= 1000


@thorough
@given(IDS | st.text(max_size=70))
def test_the_envelope_and_the_topic_agree_on_what_an_id_is_but_for_the_reserved_ones(text: str) -> None:
    reserved = text.startswith(topics.RESERVED_ID_PREFIXES) or text == "groups"
    assert _fits_envelope(text) == (_fits_topic(text) or reserved)


def _fits_topic(text: str) -> bool:
    try:
        topics.check_device_id(text)
    except InvalidTopicError:
        return False
    return True


def _fits_envelope(text: str) -> bool:
    try:
        msgspec.convert(text, Id)
    except msgspec.ValidationError:
        return False
    return True
