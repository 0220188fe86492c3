"""What held a test back, and what else its result says of it."""

from __future__ import annotations

from typing import Any

import pytest

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.host_limits import HostLimits
from pantau_agent.probes.speed.goodput import Goodput
from pantau_agent.probes.speed.responsiveness import responsiveness_rpm
from pantau_agent.probes.speed.result import Direction, Findings
from pantau_agent.probes.speed.transport.errors import BusyError

MBIT = 1e6


def direction(goodput_bps: float | None = 20 * MBIT, **found: Any) -> Direction:
    """A direction of 8 counted seconds, so that octets are bit/s, in which nothing was the matter."""
    goodput = Goodput(round(goodput_bps), 8.0, 1.5) if goodput_bps is not None else None
    usual: dict[str, Any] = {
        "goodput": goodput,
        "payload_bytes": 25_000_000,
        "stream_count": 4,
        "loaded_rtd_ms": [40.0],
        "interface_ratio": 1.05,
        "budget_spent": False,
        "cpu_saturated": False,
    }
    return Direction(**{**usual, **found})


def findings(*limits: HostLimits, **found: Any) -> Findings:
    usual: dict[str, Any] = {"download": direction(), "upload": direction(), "host_limits": list(limits)}
    return Findings(engine="http", server="peer:80", **{**usual, **found})


@pytest.mark.parametrize(
    ("found", "by", "detail"),
    [
        (findings(), "none", None),
        (findings(HostLimits(negotiated_bps=1000 * MBIT, half_duplex=False)), "none", None),
        (findings(HostLimits(), HostLimits(throttled=True)), "device", "processor slowed down by heat"),
        (findings(HostLimits(half_duplex=True)), "device", "link in half duplex"),
        (findings(upload=direction(cpu_saturated=True)), "device", "upload: processor fully busy"),
        (findings(download=direction(budget_spent=True)), "budget", "download: its share of 25000000 bytes"),
        (findings(others_bps=1.2 * MBIT), "busy_line", "other traffic of 1.20 Mbit/s before the test"),
        (findings(error=BusyError("HTTP 503 for /empty", 1.0)), "server", "HTTP 503"),
        (findings(download=None, upload=None, error=ProbeError("timeout", "x")), None, None),
        (
            findings(part="line", download=None, upload=None, error=ProbeError("busy", "much traffic")),
            "busy_line",
            "much traffic",
        ),
        (findings(HostLimits(throttled=True), download=direction(budget_spent=True)), "budget", "its share"),
        (findings(HostLimits(throttled=True), others_bps=MBIT), "device", "slowed down"),
    ],
)
def test_the_gravest_limit_is_named_with_its_detail(
    found: Findings, by: str | None, detail: str | None
) -> None:
    result = found.speed()
    assert result.limited_by == by
    assert (detail is None) == (result.limit_detail is None)
    assert (detail or "") in (result.limit_detail or "")


@pytest.mark.parametrize(
    ("limits", "goodput_bps", "detail"),
    [
        (HostLimits(negotiated_bps=100 * MBIT), 94 * MBIT, "download: link of 100.00 Mbit/s"),
        (HostLimits(negotiated_bps=100 * MBIT), 80 * MBIT, None),
        (HostLimits(wifi_rate_bps=65 * MBIT), 36 * MBIT, "download: Wi-Fi of 65.00 Mbit/s"),
        (HostLimits(wifi_rate_bps=65 * MBIT), 30 * MBIT, None),
    ],
)
def test_a_goodput_near_what_the_devices_own_link_carries_is_the_devices(
    limits: HostLimits, goodput_bps: float, detail: str | None
) -> None:
    result = findings(limits, download=direction(goodput_bps), upload=direction(MBIT)).speed()
    assert result.limit_detail == detail
    assert result.limited_by == ("device" if detail else "none")


def test_a_wifi_that_was_slow_only_afterwards_may_have_limited_too() -> None:
    before, after = HostLimits(wifi_rate_bps=300 * MBIT), HostLimits(wifi_rate_bps=26 * MBIT)
    assert findings(before, after).speed().limited_by == "device"


@pytest.mark.parametrize(
    ("down", "up", "suspect"),
    [(1.05, 1.02, False), (1.16, 1.02, True), (1.05, 0.94, True), (None, 1.0, False), (None, None, None)],
)
def test_an_interface_ratio_far_from_one_is_suspect(
    down: float | None, up: float | None, suspect: bool | None
) -> None:
    found = findings(download=direction(interface_ratio=down), upload=direction(interface_ratio=up))
    assert found.speed().interface_ratio_suspect is suspect


def test_each_direction_says_what_ended_it() -> None:
    result = findings(download=direction(stable=True), upload=direction(budget_spent=True)).speed()
    assert (result.download_ended_by, result.upload_ended_by) == ("stable", "budget")
    assert findings(upload=None).speed().upload_ended_by is None
    assert findings().speed().download_ended_by == "time"


def test_the_waiting_is_absent_where_nobody_looked_and_zero_where_the_line_was_free() -> None:
    assert findings().speed().line_wait_s is None
    assert findings(line_wait_s=0.0).speed().line_wait_s == 0.0


def test_responsiveness_leaves_the_slowest_twentieth_out() -> None:
    assert responsiveness_rpm([50.0] * 19 + [5000.0]) == 1200.0
    assert responsiveness_rpm([100.0, 50.0]) == 800.0
    assert responsiveness_rpm([]) is None
