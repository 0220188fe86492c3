"""Histograms: within 1%, and merged ones are those of all values together."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pantau_collector.analysis.rollup_histogram import ERROR_RATIO, SMALLEST, histograms, merged, percentile

numbers = st.one_of(st.just(0.0), st.floats(SMALLEST, 1e15))
values = st.lists(numbers, min_size=1, max_size=50)


def histogram(some: list[float]) -> str:
    (text,) = histograms(np.zeros(len(some), dtype=np.int64), 1, np.array(some))
    return text


@given(values, st.floats(0.01, 1))
def test_percentiles_are_within_one_percent(some: list[float], share: float):
    """The percentile of a histogram differs from the value of that rank by 1% at most."""
    rank = max(1, math.ceil(share * len(some) - 1e-9))
    true = sorted(some)[rank - 1]
    assert math.isclose(percentile(histogram(some), share), true, rel_tol=ERROR_RATIO * 1.0001)


@given(st.lists(values, min_size=1, max_size=5), st.randoms())
def test_merging(parts: list[list[float]], random_):
    """Merging parts in any order gives the histogram of everything."""
    texts = [histogram(part) for part in parts]
    random_.shuffle(texts)
    assert merged(texts) == histogram([value for part in parts for value in part])


def test_nothing():
    """Of nothing there is an empty histogram, and no percentile."""
    assert histograms(np.zeros(0, dtype=np.int64), 2, np.zeros(0)) == ["", ""]
    assert math.isnan(percentile("", 0.5))
    assert merged([]) == ""
