"""From samples to figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.probes.speed.goodput import Sample, cpu_saturated, goodput, recent_rate_bps, window
from pantau_agent.probes.speed.transport.discard import kernel_discards


def steady(rate_bps: float, until_s: float, *, step_s: float = 0.2, burst_bytes: int = 0) -> list[Sample]:
    """A load at a constant rate, after a burst that came with the first sample."""
    count = round(until_s / step_s)
    return [
        Sample(i * step_s, round(rate_bps / 8 * i * step_s) + (burst_bytes if i else 0))
        for i in range(count + 1)
    ]


@given(st.floats(1e4, 1e10), st.floats(2, 20), st.floats(0, 1.5), st.floats(0.05, 0.3), st.integers(0, 10**9))
def test_a_steady_rate_is_found_whatever_came_first(
    rate_bps: float, until_s: float, discard_s: float, step_s: float, burst_bytes: int
) -> None:
    samples = steady(rate_bps, until_s, step_s=step_s, burst_bytes=burst_bytes)
    found = goodput(samples, max(discard_s, step_s))
    if found is not None:
        assert found.bps == pytest.approx(rate_bps, rel=1e-3, abs=100)
        assert found.discard_s >= discard_s


def test_a_load_that_ends_in_the_ramp_up_has_no_goodput() -> None:
    assert goodput(steady(1e6, 1.4), 1.5) is None
    assert goodput(steady(1e6, 1.6), 1.5) is None
    assert window(steady(1e6, 3.0), 1.5) is not None


def with_cpu(process_ratio: float, idle_ratio: float, cores: int) -> list[Sample]:
    return [Sample(float(t), 0, process_ratio * t, idle_ratio * cores * t) for t in range(10)]


@pytest.mark.parametrize(
    ("process_ratio", "idle_ratio", "expected"),
    [(0.5, 0.5, False), (0.95, 0.6, True), (0.1, 0.05, True), (0.1, 0.15, False)],
)
def test_a_full_core_or_a_full_machine_is_saturated(
    process_ratio: float, idle_ratio: float, expected: bool
) -> None:
    assert cpu_saturated(with_cpu(process_ratio, idle_ratio, 4), 2.0, 4) is expected


def test_the_recent_rate_is_that_of_the_last_second() -> None:
    samples = [*steady(8e6, 2.0), Sample(2.5, 2_000_000), Sample(3.0, 2_000_000), Sample(3.5, 2_000_000)]
    assert recent_rate_bps(samples) == 0
    assert recent_rate_bps(samples[:11]) == pytest.approx(8e6)
    assert recent_rate_bps(samples[:1]) is None


def test_the_kernels_discarding_was_tried() -> None:
    assert kernel_discards() in {True, False}
