"""Outages with hysteresis, for many villages at once.

An outage is a run of `link_down` minutes and ends when three `up` minutes in a row follow; shorter flickers
belong to it. Minutes of any other state neither end an outage nor count as part of it: a power cut in the
midst of one is no link failure, and no recovery either. Source: docs/sla.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.states import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECOVERY_MINUTES = 3


@dataclass(frozen=True, slots=True)
class Outages:
    """What the runs of some villages hold.

    `of_run[i]` is the outage that run i belongs to, or -1. `minutes[j]` is how long outage j lasted, in its
    own minutes: down, and flickers between.
    """

    of_run: NDArray[np.int64]
    minutes: NDArray[np.int64]

    def in_long(self, above_s: NDArray[np.int64] | int) -> NDArray[np.bool_]:
        """Return which runs belong to outages that lasted longer (one bound, or one for each run)."""
        lasted = np.append(self.minutes, 0)[self.of_run]
        return np.asarray(lasted * 60 > above_s) & (self.of_run >= 0)


def find(state: NDArray[np.uint8], minutes: NDArray[np.int64], village: NDArray[np.int64]) -> Outages:
    """Return the outages in runs that stand in order of village, then time.

    Neighbouring runs of one village may have the same state, as at midnight or at the edge of maintenance:
    they are one run here.
    """
    whole = joined(state, village)
    run_minutes = np.bincount(whole, weights=minutes).astype(np.int64)
    firsts = np.flatnonzero(np.diff(whole, prepend=-1))
    of_whole = _outage_of(state[firsts], run_minutes, village[firsts])
    of_run = of_whole[whole]
    inside = of_run >= 0
    lasted = np.bincount(of_run[inside], weights=minutes[inside])
    return Outages(of_run, lasted.astype(np.int64))


def joined(state: NDArray[np.uint8], village: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each run, the same for neighbours of one state."""
    changed = np.ones(len(state), dtype=bool)
    changed[1:] = (state[1:] != state[:-1]) | (village[1:] != village[:-1])
    return np.cumsum(changed) - 1


def _outage_of(
    state: NDArray[np.uint8], minutes: NDArray[np.int64], village: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the outage of each run, or -1; neighbours differ in state."""
    recovered = (state == State.UP) & (minutes >= RECOVERY_MINUTES)
    ended = recovered.copy()
    ended[1:] |= village[1:] != village[:-1]
    stretch = np.cumsum(ended)  # all runs between two recoveries share a number
    down = np.flatnonzero(state == State.LINK_DOWN)
    stretches, first_at = np.unique(stretch[down], return_index=True)
    last_at = np.append(first_at[1:], len(down)) - 1
    number = np.full(len(state), -1, dtype=np.int64)
    number[down] = np.searchsorted(stretches, stretch[down])
    flicker = np.flatnonzero((state == State.UP) & ~recovered)
    near = np.searchsorted(stretches, stretch[flicker])
    known = near < len(stretches)
    flicker, near = flicker[known], near[known]
    between = (
        (stretches[near] == stretch[flicker])
        & (flicker > down[first_at[near]])
        & (flicker < down[last_at[near]])
    )
    number[flicker[between]] = near[between]
    return number
