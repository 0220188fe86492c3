"""Bounds of a share that was sampled.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(CONFIDENCE)


def bounds(n: NDArray[np.float64], k: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and the upper one-sided 95% bound of k of n; NaN where n is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        centre = share + _Z * _Z / (2 * n)
        width = _Z * np.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
        scale = 1 + _Z * _Z / n
        # Rounding would let a bound cross the share or leave 0 to 1, where k is 0 or n.
        lower, upper = (centre - width) / scale, (centre + width) / scale
        return np.clip(lower, 0.0, share), np.clip(upper, share, 1.0)
