"""What a whole regency does together is no surge of one village: it is told apart here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.robust import median, median_of_others
from pantau_collector.analysis.surge.rules import REGION_LEAST_VILLAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def members(regency: NDArray[np.integer]) -> list[NDArray[np.intp]]:
    """Return the places of each regency's series, for regencies numbered from 0. Shape (series,)."""
    count = int(regency.max(initial=-1)) + 1
    order = np.argsort(regency, kind="stable")
    return np.split(order, np.searchsorted(regency[order], np.arange(1, count)))


def shared_part(residuals: NDArray[np.float32], groups: Sequence[NDArray[np.intp]]) -> NDArray[np.float32]:
    """Return what each series has in common with the others of its regency, never below 0."""
    shared = np.zeros(len(residuals), dtype=np.float32)
    for places in groups:
        shared[places] = median_of_others(residuals[places], REGION_LEAST_VILLAGES)
    return np.maximum(shared, 0)


def of_regencies(residuals: NDArray[np.float32], groups: Sequence[NDArray[np.intp]]) -> NDArray[np.float32]:
    """Return each regency's median residual, NaN with fewer than 10 villages."""
    found = np.full(len(groups), np.nan, dtype=np.float32)
    for at, places in enumerate(groups):
        values = residuals[places]
        if np.count_nonzero(~np.isnan(values)) >= REGION_LEAST_VILLAGES:
            found[at] = median(values[None, :])[0]
    return found
