"""Faults of the targets themselves: a target that is silent for several providers at once proves nothing.

Arrays are Boolean, one column for each minute. Source: docs/sla.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.states import Evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]

SEVERAL_PROVIDERS = 2


def at_fault(asked: Flags, answered: Flags) -> Flags:
    """Return in which minutes one target was at fault.

    `asked`, `answered`: a row for each provider. It was at fault where devices of at least two providers
    asked and nobody was answered: one answer shows that it was alive.
    """
    several = np.count_nonzero(asked, axis=0) >= SEVERAL_PROVIDERS
    return np.asarray(several & ~np.any(answered & asked, axis=0))


def evidence(asked: Flags, answered: Flags, faulty: Flags) -> NDArray[np.uint8]:
    """Return a device's evidence beyond its gateway, from the targets that were not at fault.

    All three: a row for each target. Meant for minutes in which something was asked; one in which nothing
    was is `UNJUDGED` as well.
    """
    judging = asked & ~faulty
    found = np.where(np.any(judging, axis=0), Evidence.UNANSWERED, Evidence.UNJUDGED)
    return np.where(np.any(answered & asked, axis=0), Evidence.ANSWERED, found).astype(np.uint8)
