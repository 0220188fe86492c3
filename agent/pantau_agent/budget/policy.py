"""What the data budget allows: pure functions of how much of the month's bytes is used.

| used                             | state     | what runs                                           |
| -------------------------------- | --------- | --------------------------------------------------- |
| below `thin_from_ratio`          | `ok`      | everything                                          |
| from there on                    | `thinned` | speed tests in the peak hours only, everything else |
| less is left than a test costs   | `spent`   | no speed test                                       |
| all                              | `spent`   | no page fetched either                              |

Delay, loss and the device's own health are never withheld: without them nobody could tell an outage from a
spent budget, and they cost little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BudgetState = Literal["ok", "thinned", "spent"]

HEADERS_RATIO = 1.1
"""At most what a byte of payload weighs on the line: 66 bytes on 1448, half of that for acknowledgements."""

_MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The budget of a month, both directions together; None is no limit."""

    month_bytes: int | None = None
    thin_from_ratio: float = 0.8

    @property
    def thin_from_bytes(self) -> int | None:
        """From how many bytes on fewer tests run."""
        return None if self.month_bytes is None else round(self.month_bytes * self.thin_from_ratio)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the runs of a job cost. Those that are `heavy` are reserved beforehand, and thinned.

    `first_bytes` is a guess, until a run has shown what it is; `most_bytes` bounds it, if there is a bound.
    """

    heavy: bool
    first_bytes: int = 0
    most_bytes: int | None = None

    def expected_bytes(self, seen_bytes: int | None) -> int:
        """Return what the next run may cost when those so far cost `seen_bytes` (None: there were none)."""
        expected_bytes = self.first_bytes if seen_bytes is None else seen_bytes
        return expected_bytes if self.most_bytes is None else min(expected_bytes, self.most_bytes)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a run may begin: with so much payload at most (None: no limit), or why it is `withheld`."""

    max_bytes: int | None = None
    withheld: str | None = None


def state_of(limits: Limits, used_bytes: int, next_bytes: int = 0) -> BudgetState:
    """Return how the month stands, where the cheapest test is expected to cost `next_bytes`."""
    if limits.month_bytes is None or limits.thin_from_bytes is None:
        return "ok"
    if used_bytes >= limits.month_bytes or used_bytes + next_bytes > limits.month_bytes:
        return "spent"
    return "thinned" if used_bytes >= limits.thin_from_bytes else "ok"


def decide(
    limits: Limits, used_bytes: int, cost: Cost, expected_bytes: int, *, in_peak_hours: bool
) -> Answer:
    """Return whether a run that is expected to cost `expected_bytes` may begin now."""
    if limits.month_bytes is None:
        return Answer()
    account = f"{used_bytes / _MEGA:.0f} of {limits.month_bytes / _MEGA:.0f} MB of this month are used"
    state = state_of(limits, used_bytes, expected_bytes)
    if state == "spent":
        return Answer(withheld=f"the data budget has not enough left: {account}")
    if state == "thinned" and cost.heavy and not in_peak_hours:
        return Answer(withheld=f"only peak-hour tests run, to save data: {account}")
    return Answer(max_bytes=int((limits.month_bytes - used_bytes) / HEADERS_RATIO))
