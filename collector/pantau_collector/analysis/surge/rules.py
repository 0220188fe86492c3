"""The numbers of the surge rules, each in one place. Rates are logarithms unless a name says otherwise."""

from __future__ import annotations

import math
from typing import Final

VERSION: Final = "1"

BIN_S: Final = 300
BINS_PER_HOUR: Final = 3600 // BIN_S
BINS_PER_DAY: Final = 86_400 // BIN_S

SMALLEST_RATE_BPS: Final = 1000.0
"""A lower rate counts as this one: the logarithm of silence has no end."""
QUIET_RATE_BPS: Final = 1_000_000.0
"""At this rate or below nothing is a surge, however many times the normal it is."""

BASELINE_DAYS: Final = 28
BASELINE_REACH_BINS: Final = 2
BASELINE_LEAST_VALUES: Final = 20
"""Fewer values of the same day class, and days of any class are taken."""
MAD_TO_SIGMA: Final = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation."""
SMALLEST_SPREAD: Final = 0.25

LEVEL_BINS: Final = BINS_PER_DAY
LEVEL_BLIND_BINS: Final = BINS_PER_HOUR
LEVEL_RANGE: Final = (-0.3, 0.5)

REGION_LEAST_VILLAGES: Final = 10

LEAST_LOG_RATIO: Final = math.log(1.5)
"""Up to one and a half times the normal rate is no surge."""
SCORE_BINS: Final = 4
SCORE_ALARM: Final = 3.5

CUSUM_Z_RANGE: Final = (-4.0, 4.0)
CUSUM_DRIFT: Final = 2.0
CUSUM_LARGEST: Final = 9.0
CUSUM_ALARM: Final = 6.0
CUSUM_CALM_BINS: Final = BINS_PER_HOUR

IMPACT_UTILIZATION_RATIO: Final = 0.7
"""A surge that takes more of the contracted rate is felt."""
EPISODE_PAUSE_BINS: Final = BINS_PER_HOUR
"""Alarms with pauses of at most an hour are one surge."""
NORMAL_SPREADS: Final = 2.0
"""The normal range that people are shown: so many spreads to each side, nineteen of twenty values."""

LEARNING_BINS: Final = 14 * BINS_PER_DAY
