"""Figures over delays: definitions on small examples, laws on any sample."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.probes.delays import (
    DelayFigures,
    delay_variations,
    figures,
    neighbour_differences,
    optional_percentile,
    percentile,
)

delays = st.floats(min_value=0, max_value=10_000)
samples = st.lists(delays, min_size=1)
packets = st.lists(st.none() | delays, min_size=1)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (5, 1.0), (50, 10.0), (51, 11.0), (95, 19.0), (96, 20.0), (100, 20.0)]
)
def test_percentile_is_the_smallest_value_that_so_many_do_not_exceed(percent: float, expected: float) -> None:
    """RFC 2330, section 11.3, over 1 to 20."""
    assert percentile([float(n) for n in range(20, 0, -1)], percent) == expected


@given(samples, st.floats(min_value=0, max_value=100))
def test_percentile_obeys_its_definition(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent * len(values) / 100 - 1e-9
    smaller = [value for value in values if value < found]
    assert len(smaller) < max(percent * len(values) / 100, 1e-9) + 1e-9 or not smaller


@given(samples)
def test_percentiles_are_ordered(values: list[float]) -> None:
    assert min(values) <= percentile(values, 50) <= percentile(values, 95) <= max(values)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_percentile_of_nothing_is_refused(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_an_absent_percentile_is_none() -> None:
    assert optional_percentile([], 95) is None


@given(samples)
def test_variation_is_measured_from_the_smallest_delay(values: list[float]) -> None:
    """PDV, RFC 5481: never negative, zero for the fastest packet."""
    assert min(delay_variations(values)) == 0


@given(samples, delays)
def test_variations_do_not_depend_on_a_constant_delay(values: list[float], more: float) -> None:
    later = [value + more for value in values]
    assert delay_variations(later) == pytest.approx(delay_variations(values), abs=1e-5)
    assert neighbour_differences(later) == pytest.approx(neighbour_differences(values), abs=1e-5)


def test_a_pair_with_a_lost_packet_is_no_pair() -> None:
    """IPDV, RFC 3393, over consecutive received packets."""
    assert neighbour_differences([10, 13, None, 50, 49]) == [3, 1]


@given(packets)
def test_counts_and_loss_belong_together(sample: list[float | None]) -> None:
    found = figures(sample)
    assert found.sent_count == len(sample)
    assert found.received_count == len([delay for delay in sample if delay is not None])
    assert found.rt_loss_ratio == pytest.approx(1 - found.received_count / found.sent_count)


@given(packets)
def test_delays_are_absent_exactly_when_nothing_came_back(sample: list[float | None]) -> None:
    found = figures(sample)
    absent = [found.rtd_min_ms, found.rtd_p50_ms, found.rtd_p95_ms, found.rtd_max_ms, found.rtd_pdv_p95_ms]
    assert all((value is None) == (found.received_count == 0) for value in absent)


def test_one_answer_has_no_neighbour() -> None:
    found = figures([7.0])
    assert (found.rtd_p50_ms, found.rtd_pdv_p95_ms, found.rtd_ipdv_p95_ms) == (7.0, 0.0, None)


def test_figures_of_no_packets_are_counts_alone() -> None:
    """A minute that our own speed test filled has neither delay nor loss."""
    assert figures([]) == DelayFigures(sent_count=0, received_count=0)
