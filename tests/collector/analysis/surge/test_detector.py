"""The detector against the definition, value by value."""

from __future__ import annotations

import numpy as np
import pytest
from tests.collector.analysis.surge.slow_reference import SlowDetector

from pantau_collector.analysis.surge.detector import Detector, Surroundings

_DAY = 288
_FIRST = 20_680 * _DAY  # 2026-08-15, so that Independence Day and weekends are in it


def _rates(rng: np.random.Generator, villages: int, bins: int) -> np.ndarray:
    """Return rates (bit/s, shape (bins, villages)) with days, noise, gaps, silence and surges."""
    day = 1 + 0.8 * np.sin(2 * np.pi * np.arange(bins) / _DAY)[:, None]
    rates = 5e6 * np.exp(day + 0.15 * rng.standard_normal((bins, villages)))
    rates[rng.random((bins, villages)) < 0.05] = np.nan
    rates[rng.random((bins, villages)) < 0.002] = 0
    for _ in range(villages):
        start = rng.integers(14 * _DAY, bins)
        rates[start : start + rng.integers(3, 40), rng.integers(villages)] *= rng.choice([2, 3, 5])
    rates[-60:-30] *= 2  # everybody at once
    for village in range(3):  # cut off for hours
        start = rng.integers(0, bins)
        rates[start : start + 150, village] = np.nan
    rates[: 10 * _DAY, 3] = np.nan  # came later: still learning
    return rates


def _as_list(row: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in row]


def _same(fast: np.ndarray, slow: list[float | None], what: str, at: int) -> None:
    expected = np.array([np.nan if value is None else value for value in slow])
    np.testing.assert_allclose(fast, expected, atol=1e-3, rtol=1e-3, err_msg=f"{what} in bin {at}")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_figure_is_that_of_the_definition(seed: int) -> None:
    """Gaps, newcomers, holidays, two time zones, and a regency too small for a part of its own."""
    rng = np.random.default_rng(seed)
    regency = [0] * 12 + [1] * 2
    offset_s = [25_200] * 12 + [32_400] * 2
    rates = _rates(rng, 14, 17 * _DAY)
    fast = Detector(Surroundings(np.array(regency, np.int32), np.array(offset_s, np.int32)))
    slow = SlowDetector(regency, offset_s)
    compared = set(rng.choice(np.arange(10 * _DAY, 17 * _DAY), 400)) | set(range(17 * _DAY - 80, 17 * _DAY))
    for at, row in enumerate(rates):
        expected = slow.step(_FIRST + at, _as_list(row))
        found = fast.step(_FIRST + at, row)
        if at in compared:
            for name in ("score", "cusum", "ratio"):
                _same(getattr(found, name), [entry[name] for entry in expected], name, at)
