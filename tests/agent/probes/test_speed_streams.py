"""How many connections a path needs, and that a long one is filled by them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.truth import measuring
from tests.fakes import impairments, network

from pantau_agent.probes.base import TestTraffic
from pantau_agent.probes.speed import SpeedTarget
from pantau_agent.probes.speed.streams import stream_count, with_streams
from pantau_agent.probes.speed.transport.connection import Stop
from pantau_agent.probes.speed.trial import Trial

RATE_MBIT, ROUND_TRIP_S = 38, 0.3
IP_SHARE = 1448 / 1500
"""A TUN device counts no Ethernet header."""
AGAIN = "measured once more"


@pytest.mark.parametrize(
    ("rtd_ms", "streams"), [(0.1, 4), (100, 4), (170, 5), (300, 8), (600, 15), (5000, 16)]
)
def test_a_longer_path_gets_more_streams(rtd_ms: float, streams: int) -> None:
    assert stream_count(rtd_ms) == streams


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_the_count_never_falls_with_the_delay(one_ms: float, other_ms: float) -> None:
    assert stream_count(min(one_ms, other_ms)) <= stream_count(max(one_ms, other_ms))


def trial(**settings: Any) -> Trial:
    target = SpeedTarget(url="http://peer", **settings)
    return Trial(target=target, test_traffic=TestTraffic(), report=lambda _: None, stop=Stop())


def test_what_was_configured_is_kept() -> None:
    assert with_streams(trial(streams=2), [300.0]).target.streams == 2
    assert with_streams(trial(), [300.0, 900.0]).target.streams == 8
    assert with_streams(trial(), []).target.streams is None


@pytest.mark.filterwarnings(f"default:.*{AGAIN}")
def test_a_line_with_a_long_delay_is_filled() -> None:
    """38 Mbit/s at 300 ms, each way; a wrong test on a shared machine is repeated once, and said."""
    if reason := impairments.why_no_delay():
        pytest.skip(reason)
    errors = measure()
    if max(abs(error) for error in errors) > 0.03:
        warnings.warn(f"{AGAIN} after {errors}", stacklevel=1)
        errors = measure()
    assert max(abs(error) for error in errors) <= 0.03, errors


def measure() -> list[float]:
    """Return by how much each direction is off."""
    with network.two_hosts() as (near, far), impairments.delayed(near, far, ROUND_TRIP_S):
        network.shape(near, "near-tun", RATE_MBIT)
        network.shape(far, "far-tun", RATE_MBIT)
        behind = network.Host(far.namespace, impairments.FAR_DELAYED_ADDRESS)
        with measuring.testpoint(behind) as url:
            found = measuring.answer(near, url, idle_pings=3)["speed"]
    assert found["download_streams_count"] == found["upload_streams_count"] == 8
    return [found[f"{way}_goodput_bps"] / (RATE_MBIT * 1e6 * IP_SHARE) - 1 for way in measuring.WAYS]
