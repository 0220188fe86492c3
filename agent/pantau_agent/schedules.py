"""When a job runs next: at a plain period, or at a day's random moments.

A schedule is a value; `beats` begins to follow it. Beats are told the time rather than to read it, so that
every history of a clock can be tried on them.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pantau_agent.strata import DAY_S

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from pantau_agent.strata import Slot, Strata

_LATE_S = 120.0  # so long after its moment a test is still in time
_LOOK_AGAIN_S = 30.0  # the clock on the wall may be set at any time
_REMEMBERED_SLOTS = 1_000


class Now(NamedTuple):
    """An instant on both clocks: one that never jumps, and the best known UTC, seconds since 1970."""

    monotonic_s: float
    utc_s: float


class Beats(Protocol):
    """A schedule that is followed."""

    def wait_s(self, now: Now) -> float:
        """Return how long to wait before asking again; 0 when a run is due now."""
        ...

    def take(self, now: Now) -> str | None:
        """Use up the run for which there was nothing to wait at this `now`; return its name.

        By the name it is remembered over a restart; None where that is not needed.
        """
        ...


class Schedule(Protocol):
    """A rule from which the next run follows."""

    def beats(self, now: Now, rng: random.Random, taken: Iterable[str]) -> Beats:
        """Begin to follow it; `taken` are the names of runs taken before the last restart."""
        ...


@dataclass(frozen=True, slots=True)
class Periodic:
    """A run each `period_s`, from a random moment in the first `spread_ratio` of it on; 0 starts at once."""

    period_s: float
    spread_ratio: float = 1.0

    def beats(self, now: Now, rng: random.Random, taken: Iterable[str]) -> Beats:  # noqa: ARG002 - has no names
        """Begin, with the random start."""
        start_s = rng.uniform(0, self.period_s * self.spread_ratio)
        return PeriodicBeats(self.period_s, now.monotonic_s + start_s)


class PeriodicBeats:
    """A grid of beats. A run that takes longer than its period skips the beats it missed."""

    def __init__(self, period_s: float, first_s: float) -> None:
        self._period_s = period_s
        self._first_s = first_s
        self._beat = 0

    def wait_s(self, now: Now) -> float:
        """Return the time until the next beat."""
        return max(0.0, self._first_s + self._beat * self._period_s - now.monotonic_s)

    def take(self, now: Now) -> None:
        """Go on to the following beat, or to the newest if whole beats were missed before this one.

        A run that ended a little after its period is followed at once by the next, so that a probe which
        fills its period leaves no gap.
        """
        passed = math.floor((now.monotonic_s - self._first_s) / self._period_s)
        self._beat = max(self._beat, passed) + 1


@dataclass(frozen=True, slots=True)
class Daily:
    """The moments of `strata`, by the clock of `zone` (None: the machine's)."""

    strata: Strata
    zone: dt.tzinfo | None = None

    def beats(self, now: Now, rng: random.Random, taken: Iterable[str]) -> Beats:  # noqa: ARG002 - no first start
        """Go on where the runs that were taken end."""
        return DailyBeats(self, rng, taken)


class DailyBeats:
    """Takes each slot of a day once, whatever the clock does.

    A moment that was missed (the device was off, or its clock was set forward) is made up for at a random
    moment in what is left of its slice. What was taken is not taken again when the clock goes back.
    """

    def __init__(self, daily: Daily, rng: random.Random, taken: Iterable[str]) -> None:
        self._daily = daily
        self._rng = rng
        self._taken = dict.fromkeys(taken)
        self._moved: dict[str, float | None] = {}
        self._day: tuple[dt.date, list[Slot]] | None = None

    def wait_s(self, now: Now) -> float:
        """Return the time until the next slot that is left today, but at most until the next look."""
        _, wait_s = self._next(now)
        return min(max(wait_s, 0.0), _LOOK_AGAIN_S)

    def take(self, now: Now) -> str:
        """Use up the slot for which there is nothing left to wait."""
        slot, _ = self._next(now)
        assert slot is not None
        self._taken[slot.key] = None
        if len(self._taken) > _REMEMBERED_SLOTS:
            del self._taken[next(iter(self._taken))]
        return slot.key

    def _next(self, now: Now) -> tuple[Slot | None, float]:
        """Return the next slot of this day that is not taken, and the time until then."""
        local = local_time(now.utc_s, self._daily.zone)
        second = second_of_day(local)
        left = [
            (due_s - second, slot)
            for slot in self._slots(local.date())
            if slot.key not in self._taken and (due_s := self._due_s(slot, second)) is not None
        ]
        if not left:
            return None, DAY_S - second
        wait_s, slot = min(left, key=lambda entry: entry[0])
        return slot, wait_s

    def _slots(self, day: dt.date) -> list[Slot]:
        if self._day is None or self._day[0] != day:
            self._day = day, self._daily.strata.slots(day)
        return self._day[1]

    def _due_s(self, slot: Slot, second: float) -> float | None:
        """Return the slot's moment, or another one where that was missed; None where the slice is over."""
        due_s = self._moved.get(slot.key, slot.due_s)
        if due_s is not None and second - due_s <= _LATE_S:
            return due_s
        if len(self._moved) > _REMEMBERED_SLOTS:
            self._moved.clear()
        self._moved[slot.key] = slot.moment_after(second, self._rng)
        return self._moved[slot.key]


def local_time(utc_s: float, zone: dt.tzinfo | None) -> dt.datetime:
    """Return what the clock of the zone (None: the machine's) shows."""
    return dt.datetime.fromtimestamp(utc_s, dt.UTC).astimezone(zone)


def second_of_day(local: dt.datetime) -> float:
    """Return the seconds since midnight on the wall's clock."""
    return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
