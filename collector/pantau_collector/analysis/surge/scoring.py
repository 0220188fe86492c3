"""From residuals to scores: pure functions, elementwise over series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge import rules
from pantau_collector.analysis.surge.robust import count_values, median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SLOW, FAST = 1, 2


def log_rate(rate_bps: NDArray[np.floating]) -> Floats:
    """Return the logarithm of rates in bit/s; gaps stay gaps."""
    logarithms: Floats = np.log(np.maximum(rate_bps, rules.SMALLEST_RATE_BPS)).astype(np.float32)
    return logarithms


def baseline(past: Floats, alike: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the normal logarithmic rate and its spread, each of shape (series,).

    `past` has the shape (series, days, bins), `alike` (days,): which days are of today's class. A series with
    fewer than 20 values on those is judged by all days.
    """
    values = past[:, alike].reshape(len(past), -1)
    normal, spread = _middle_and_spread(values)
    few = count_values(values) < rules.BASELINE_LEAST_VALUES
    if few.any():
        normal[few], spread[few] = _middle_and_spread(past[few].reshape(int(few.sum()), -1))
    return normal, spread


def _middle_and_spread(values: Floats) -> tuple[Floats, Floats]:
    middle = median(values)
    deviation = median(np.abs(values - middle[:, None]))
    return middle, np.maximum(np.float32(rules.MAD_TO_SIGMA) * deviation, np.float32(rules.SMALLEST_SPREAD))


def level(residuals: Floats) -> Floats:
    """Return how far the last day lies off the baseline, bounded; 0 where nothing is known of it.

    `residuals` are those of the last 24 h without the last hour, alarms left out: shape (series, bins).
    """
    return np.clip(np.nan_to_num(median(residuals)), *rules.LEVEL_RANGE)


def z_value(residuals: Floats, spread: Floats, rate_bps: NDArray[np.floating]) -> Floats:
    """Return residuals in spreads, 0 where the rate is small or near the normal one; gaps stay gaps."""
    unremarkable = (residuals <= rules.LEAST_LOG_RATIO) | (rate_bps <= rules.QUIET_RATE_BPS)
    z = np.where(unremarkable, np.float32(0), residuals / spread)
    return np.where(np.isnan(residuals), np.float32(np.nan), z)


def score(last_z: Floats) -> Floats:
    """Return the second smallest of the last four z, NaN with more than two gaps. Shape (series, 4)."""
    return np.sort(last_z, axis=1)[:, 1]  # gaps go to the end: with three, the second is one


def cusum(before: Floats, calm_bins: NDArray[np.uint8], z: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """Return the slow track's sum and since how many bins z was not above 0; a gap changes neither."""
    gap = np.isnan(z)
    step = np.clip(z, *rules.CUSUM_Z_RANGE) - np.float32(rules.CUSUM_DRIFT)
    calm = np.where(gap, calm_bins, np.where(z > 0, 0, np.minimum(calm_bins + 1, rules.CUSUM_CALM_BINS)))
    total = np.where(gap, before, np.clip(before + step, 0, rules.CUSUM_LARGEST))
    total = np.where(calm >= rules.CUSUM_CALM_BINS, 0, total)
    return total.astype(np.float32), calm.astype(np.uint8)


def alarm(score: Floats, cusum: Floats) -> NDArray[np.uint8]:
    """Return which alarm there is: 0 none, 1 the slow track's, 2 the score's."""
    with np.errstate(invalid="ignore"):
        fast, slow = score > rules.SCORE_ALARM, cusum > rules.CUSUM_ALARM
    return np.where(fast, FAST, np.where(slow, SLOW, 0)).astype(np.uint8)
