"""The state of each minute, per device and then per village.

Source: the definition in docs/sla.md. Everything here is a pure function over NumPy arrays; a grid of minutes
is named by its first minute since 1970 and its length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    States = NDArray[np.uint8]
    Minutes = NDArray[np.int64]


class State(IntEnum):
    """What a minute was. The numbers are the village's order, best first, and stand in stored rows."""

    UP = 0
    LINK_DOWN = 1
    LOCAL_FAULT = 2
    POWER_OFF = 3
    AGENT_DOWN = 4
    OFF_SITE = 5
    UNKNOWN = 6


class Evidence(IntEnum):
    """What a sample shows, in the order of the rules: of two in one minute the first that fits counts.

    `UNJUDGED`: the device ran, but every target that it asked was at fault itself, so nothing is known of
    the link.
    """

    OFF_SITE = 0
    ANSWERED = 1
    LOCAL_FAULT = 2
    UNANSWERED = 3
    UNJUDGED = 4


STATE_OF_EVIDENCE = np.array(
    [State.OFF_SITE, State.UP, State.LOCAL_FAULT, State.LINK_DOWN, State.UNKNOWN], dtype=np.uint8
)
MAX_BRIDGED_GAP_MINUTES = 2


@dataclass(frozen=True, slots=True)
class Samples:
    """What one device told, a row each, in any order: arrays of one length.

    `time_s`: s since 1970 (int64 or float64). `boot`: a number for each boot id. `uptime_s`: since that boot.
    `first_seq`, `last_seq`: the records of the minute. `evidence`: codes of `Evidence`. `sent`, `received`:
    probes to the testpoint; `rtd_p50_ms`, `rtd_pdv_p95_ms`: NaN where nothing came back.
    """

    time_s: NDArray[np.float64]
    first_seq: NDArray[np.int64]
    last_seq: NDArray[np.int64]
    boot: NDArray[np.int64]
    uptime_s: NDArray[np.float64]
    evidence: NDArray[np.uint8]
    sent: NDArray[np.int64]
    received: NDArray[np.int64]
    rtd_p50_ms: NDArray[np.float64]
    rtd_pdv_p95_ms: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def columns(self) -> tuple[NDArray[np.generic], ...]:
        """All columns, in the order of the constructor."""
        return tuple(getattr(self, name) for name in self.__slots__)

    @property
    def minute(self) -> Minutes:
        """The minute since 1970 in which each sample lies."""
        return np.floor_divide(self.time_s, 60).astype(np.int64)

    def taken(self, rows: NDArray[np.generic]) -> Samples:
        """Return the rows that an index or mask names."""
        return Samples(*(column[rows] for column in self.columns))


@dataclass(frozen=True, slots=True)
class Runs:
    """Consecutive minutes of one state: `minutes[i]` of `state[i]`, one after the other."""

    state: States
    minutes: Minutes


def tidied(samples: Samples) -> Samples:
    """Return the samples in order of time and seq, each once: what came twice is the same sample."""
    minute = samples.minute
    if np.all(np.diff(minute) > 0):
        return samples
    keys = [np.nan_to_num(column, nan=-1.0) for column in samples.columns]
    order = np.lexsort((*keys[::-1], keys[1], minute))
    changed = np.zeros(len(samples), dtype=bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= key[order][1:] != key[order][:-1]
    return samples.taken(order[changed])


def device_states(samples: Samples, first_minute: int, minute_count: int) -> States:
    """Return the device's state in each minute of a grid; `samples` must be tidied.

    Samples before and after the grid count: they say what a gap at its edges was.
    """
    if not len(samples):
        return np.full(minute_count, State.UNKNOWN, dtype=np.uint8)
    starts, ends = _bounds(samples.minute)
    minute = samples.minute[starts]
    gap_minutes = np.diff(minute) - 1
    before, after = ends[:-1], starts[1:]  # the rows on either side of each gap
    state = STATE_OF_EVIDENCE[np.minimum.reduceat(samples.evidence, starts)]
    powered_off, filler = _gaps(samples, before, after, state[:-1], gap_minutes)
    begin = np.stack([minute[:-1], minute[:-1] + 1, minute[:-1] + 1 + powered_off], axis=1).ravel()
    states = np.stack([state[:-1], np.full_like(filler, State.POWER_OFF), filler], axis=1).ravel()
    edges = np.concatenate([[first_minute], begin, [minute[-1], minute[-1] + 1, first_minute + minute_count]])
    states = np.concatenate([[State.UNKNOWN], states, [state[-1], State.UNKNOWN]]).astype(np.uint8)
    return _filled(edges, states, first_minute, minute_count)


def village_states(devices: Iterable[States], minute_count: int) -> States:
    """Return the best state of the devices in each minute; `UNKNOWN` where there is no device."""
    village = np.full(minute_count, State.UNKNOWN, dtype=np.uint8)
    for states in devices:
        np.minimum(village, states, out=village)
    return village


def only_within(states: States, spans_s: Sequence[tuple[float, float]], first_minute: int) -> States:
    """Return a device's states with `UNKNOWN` wherever it stood elsewhere; `spans_s` are [from, to) in s."""
    here = minutes_within(spans_s, first_minute, len(states))
    return np.where(here, states, np.uint8(State.UNKNOWN))


def minutes_within(
    spans_s: Iterable[tuple[float, float]], first_minute: int, minute_count: int
) -> NDArray[np.bool_]:
    """Return which minutes of a grid begin within any of the spans [from, to), in s since 1970."""
    inside = np.zeros(minute_count, dtype=bool)
    for from_s, to_s in spans_s:
        first, end = (min(max(at_s / 60 - first_minute, 0), minute_count) for at_s in (from_s, to_s))
        inside[math.ceil(first) : math.ceil(end)] = True
    return inside


def runs_of(states: States) -> Runs:
    """Return the run-length form."""
    starts, ends = _bounds(states)
    return Runs(states[starts], ends - starts + 1)


def _bounds(values: NDArray[np.generic]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and last index of each run of equal values."""
    changes = np.flatnonzero(values[1:] != values[:-1])
    starts = np.concatenate([[0], changes + 1]) if len(values) else changes
    ends = np.concatenate([changes, [len(values) - 1]]) if len(values) else changes
    return starts, ends


def _gaps(
    samples: Samples, before: NDArray[np.intp], after: NDArray[np.intp], state: States, gap_minutes: Minutes
) -> tuple[Minutes, States]:
    """Return, for each gap, how many of its first minutes the power was off, and the state of the rest."""
    same_boot = samples.boot[before] == samples.boot[after]
    contiguous = samples.first_seq[after] == samples.last_seq[before] + 1
    began_s = samples.time_s[after] - samples.uptime_s[after]
    # A minute lies before the boot when it begins before it: ceil, as many minutes as begin earlier.
    off = np.ceil(began_s / 60) - (samples.minute[before] + 1)
    powered_off = np.where(contiguous & ~same_boot, np.clip(off, 0, gap_minutes), 0).astype(np.int64)
    filler = np.where(contiguous, np.uint8(State.AGENT_DOWN), np.uint8(State.UNKNOWN))
    bridged = same_boot & (gap_minutes <= MAX_BRIDGED_GAP_MINUTES)
    return powered_off, np.where(bridged, state, filler)


def _filled(edges: Minutes, states: States, first_minute: int, minute_count: int) -> States:
    """Return states over a grid, where `states[i]` holds from `edges[i]` to `edges[i + 1]`."""
    inner = np.clip(edges, first_minute, first_minute + minute_count)
    return np.repeat(states, np.diff(inner))
