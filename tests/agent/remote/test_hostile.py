"""Whatever a broker in the wrong hands sends."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agent.remote.controls import told
from tests.agent.remote.signing_desk import (
    DEVICE_TOPIC,
    order,
    signed_text,
)

from pantau_agent.jobs import jobs_of
from pantau_agent.remote import RemoteControl
from pantau_wire import codec
from pantau_wire.remote import ConfigReport

PERIOD = {"latency": {"period_s": 30}}

GOOD = order(PERIOD)


BYTES = (
    st.binary(max_size=600)
    | st.builds(
        lambda text, at, byte: text[:at] + bytes([byte]) + text[at + 1 :],
        st.just(GOOD),
        st.integers(0, len(GOOD) - 2),
        st.integers(0, 255),
    )
    | st.builds(signed_text, st.text(max_size=300))
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["settings", "latency", "targets", "period_s", "version", "audience", "speed"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    ).map(lambda value: signed_text(json.dumps(value)))
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BYTES, st.sampled_from([None, "", codec.JSON, codec.DEFLATED_JSON, "text/plain"]))
def test_whatever_bytes_come_there_is_no_more_than_a_refusal(config, payload, content_type):
    """Signed nonsense included; the report of it always fits the status."""
    control = RemoteControl(config, jobs_of)
    control.take(DEVICE_TOPIC, payload, content_type)
    for report in control.report():
        assert msgspec.json.decode(msgspec.json.encode(report), type=ConfigReport) == report
    assert control.config.latency.period_s in (60, 30)


@pytest.mark.parametrize(
    ("payload", "content_type"),
    [
        (b"[" * 200_000, None),
        (b"x" * 300_000, None),
        (b'{"v":1,"key":"a","signature":"' + b"A" * 86 + b'==","signed":"' + b"x" * 100_000 + b'"}', None),
        (b'{"v":2,"key":"a","signature":"","signed":""}', None),
        (b"\x78\x9c", codec.DEFLATED_JSON),
        (b"\xff", "text/plain"),
        (b'{"v":1,"key":"a","signature":"' + b"A" * 86 + b'==","signed":"\\ud800"}', None),
    ],
    ids=["deep", "large", "long", "version", "cut", "type", "surrogate"],
)
def test_garbage_is_refused_as_such(control, payload, content_type):
    """Before anything is parsed that was not signed."""
    assert control.take(DEVICE_TOPIC, payload, content_type)
    assert told(control).refused == "malformed"
