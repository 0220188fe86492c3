"""Ranges do what sets do, without counting to nine quintillion."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tests.wire.strategies import thorough

from pantau_wire import ranges
from pantau_wire.vocabulary import INT64_MAX

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair))))


def members(found: list[ranges.Range]) -> set[int]:
    return {number for first, last in found for number in range(first, last + 1)}


@thorough
@given(RANGES)
def test_merging_keeps_the_numbers_and_leaves_gaps_between_sorted_ranges(
    given_ranges: list[ranges.Range],
) -> None:
    merged = ranges.merge(given_ranges)
    assert members(merged) == members(given_ranges)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))
    assert ranges.merge(merged) == merged


@thorough
@given(st.lists(st.integers(1, 60)))
def test_ranges_from_numbers_hold_exactly_those_numbers(numbers: list[int]) -> None:
    assert members(ranges.from_numbers(numbers)) == set(numbers)


@thorough
@given(RANGES)
def test_count_tells_how_many_different_numbers_there_are(given_ranges: list[ranges.Range]) -> None:
    assert ranges.count(given_ranges) == len(members(given_ranges))


@thorough
@given(RANGES, RANGES)
def test_subtracting_leaves_what_a_set_would_leave(
    left: list[ranges.Range], right: list[ranges.Range]
) -> None:
    rest = ranges.subtract(left, right)
    assert members(rest) == members(left) - members(right)
    assert ranges.merge(rest) == rest


def test_the_widest_range_is_handled_without_counting_its_numbers() -> None:
    everything = [(1, INT64_MAX)]
    assert ranges.count(everything * 1000) == INT64_MAX
    assert ranges.subtract(everything, [(2, INT64_MAX - 1)]) == [(1, 1), (INT64_MAX, INT64_MAX)]
    assert ranges.subtract(everything, everything) == []


def test_thousands_of_holes_are_subtracted_from_thousands_of_ranges_in_a_moment() -> None:
    many = [(10 * number + 1, 10 * number + 5) for number in range(1000)]
    holes = [(10 * number + 2, 10 * number + 3) for number in range(1000)]
    assert ranges.count(ranges.subtract(many, holes)) == 3000
