"""What a virtual device has measured and not delivered yet: spans of minutes, from which it is made again.

A span needs no room for its records: life is a function, and where the device stood at the span's beginning
says their numbers and boots.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.fleet.watching import Standing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_wire.envelope import Dropped
    from pantau_wire.ranges import Range

Stood = list[int]
"""One device's `Standing`, its numbers in order."""
_COLUMNS = Standing.__slots__
_FAR = 2**62


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes of one device, before the first of which it stood as `stood` says."""

    first_minute: int
    until_minute: int
    stood: Stood
    attempt: int = 1

    def once_more(self) -> Span:
        """Return the span as it is sent again."""
        return dataclasses.replace(self, attempt=self.attempt + 1)


@dataclass(slots=True)
class InFlight:
    """An envelope that is not answered yet; `dropped` was told with it."""

    span: Span
    outstanding: list[Range]
    due_s: float
    resend_s: float
    dropped: tuple[Dropped, ...] = ()


@dataclass(slots=True)
class Spool:
    """One device's. `waiting` in order of time; `again` to be sent once more, each from a time on."""

    waiting: deque[Span] = field(default_factory=deque)
    again: list[tuple[float, Span]] = field(default_factory=list)
    in_flight: list[InFlight] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    backlog_s: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether everything was delivered, and told."""
        return not (self.waiting or self.again or self.in_flight or self.dropped)

    def put(self, span: Span) -> None:
        """Keep a span that follows those that wait."""
        if self.waiting and self.waiting[-1].until_minute == span.first_minute:
            span = dataclasses.replace(self.waiting.pop(), until_minute=span.until_minute)
        self.waiting.append(span)

    def put_back(self, rest: Span) -> None:
        """Keep what is left of a span that was taken."""
        if rest.attempt == 1:
            self.waiting.appendleft(rest)
        else:
            self.again.append((0.0, rest))

    def next_span(self, now_s: float) -> Span | None:
        """Take the oldest span that may be sent now."""
        ready = [one for one in self.again if one[0] <= now_s]
        if not ready:
            return self.waiting.popleft() if self.waiting else None
        chosen = min(ready, key=lambda one: one[1].first_minute)
        self.again.remove(chosen)
        return chosen[1]

    def oldest_seq(self) -> int:
        """Return the lowest number that was not answered; a very high one where there is none."""
        numbers = [span.stood[0] for _, span in self.again]
        numbers += [sent.outstanding[0][0] for sent in self.in_flight]
        numbers += [self.waiting[0].stood[0]] if self.waiting else []
        return min(numbers, default=_FAR)


def standings(standing: Standing, who: NDArray[np.int64]) -> list[Stood]:
    """Return where some devices stand."""
    found: list[Stood] = np.stack([getattr(standing, name)[who] for name in _COLUMNS], axis=1).tolist()
    return found


def placed(stood: Stood, who: int, count: int) -> Standing:
    """Return a standing of so many devices in which one stands as told; the others do not matter."""
    standing = Standing.new(count)
    for name, value in zip(_COLUMNS, stood, strict=True):
        getattr(standing, name)[who] = value
    return standing
