"""Which records are on their way, which wait, and when to try again: pure, no I/O, no clock of its own.

Two lanes share a window of unacknowledged envelopes. `live` takes what was measured since the
connection stands, or the newest of it, where that is much; `backlog` takes everything older, oldest
first. Part of the window is reserved for live data, so that a backlog which nobody takes never delays
the present.

When nobody listens, or the broker refuses, everything pauses; after the pause one envelope goes ahead of
the others to find out.

Times are seconds on a monotonic clock, handed in by the caller.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from pantau_wire import ranges

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from pantau_wire.envelope import Ack, Dropped
    from pantau_wire.ranges import Range

Lane = Literal["live", "backlog"]

_MIN_RETRY_S = 1.0  # a collector that says "defer, 0 s" must not make a loop at line speed
_MAX_ATTEMPT = 1_000_000  # what the envelope can hold
_CHRONIC_ATTEMPT = 5  # from here on a record waits for those that may fare better


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """How much may be unacknowledged, how many records are live, and how patiently to re-send (seconds)."""

    envelopes: int = 8
    reserved_live: int = 2
    live_records: int = 500
    first_resend_s: float = 30.0
    max_resend_s: float = 900.0


class Span(NamedTuple):
    """A range of `seq` that is to be sent, the attempt it would be, and from when on."""

    first: int
    last: int
    attempt: int
    ready_at: float = 0.0

    @property
    def chronic(self) -> bool:
        """Whether it went unanswered so often that it must not hold up the others."""
        return self.attempt >= _CHRONIC_ATTEMPT


@dataclass(slots=True)
class InFlight:
    """An envelope that was sent: what of it is unanswered, until when to wait for the answer."""

    lane: Lane
    attempt: int
    outstanding: list[Range]
    resend_at: float
    dropped: Sequence[Dropped] = field(default=())


class Window:
    """Keeps account of one spool's records between commit and ack."""

    def __init__(self, limits: WindowLimits, rng: random.Random) -> None:
        """Begin with nothing to send."""
        self._limits = limits
        self._rng = rng
        self._tickets = itertools.count(1)
        self._in_flight: dict[int, InFlight] = {}
        self._waiting: list[Span] = []
        self._live: Range | None = None
        self._last_seen = 0
        self._refusals = 0
        self._paused_until = 0.0

    @property
    def paused_until(self) -> float:
        """When the pause ends that a refusal began; in the past while there is none."""
        return self._paused_until

    @property
    def in_flight_count(self) -> int:
        """How many envelopes are unanswered."""
        return len(self._in_flight)

    def resume(self, extent: Range | None) -> None:
        """Take over what an earlier run left: it may have been sent before, so it counts as repeated."""
        if extent is not None:
            self._waiting.append(Span(*extent, attempt=2))
            self._last_seen = extent[1]

    def committed(self, last_seq: int) -> None:
        """Learn that the spool's highest committed `seq` is now this."""
        if last_seq > self._last_seen:
            first = self._live[0] if self._live else self._last_seen + 1
            newest = max(first, last_seq - self._limits.live_records + 1)
            if newest > first:  # many at once: they waited for the time, or for the broker
                self._waiting.append(Span(first, newest - 1, attempt=1))
            self._live = (newest, last_seq)
            self._last_seen = last_seq

    def connected(self, last_seq: int) -> None:
        """Begin a connection: what was committed before it is backlog, however much that is."""
        self.committed(last_seq)
        self.connection_lost()
        self.taken()

    def connection_lost(self) -> None:
        """Make everything unanswered, and what was live until now, backlog."""
        for ticket in list(self._in_flight):
            self._give_back(ticket, ready_at=0.0)
        if self._live is not None:
            self._waiting.append(Span(*self._live, attempt=1))
            self._live = None

    def next_span(self, now: float) -> tuple[Lane, Span] | None:
        """Return what to send next, or None when there is nothing to send or no room for it."""
        if now < self._paused_until:
            return None
        if self._live is not None and self._room() > 0:
            return "live", Span(*self._live, attempt=1)
        if self._backlog_room() <= 0:
            return None
        self._waiting = _coalesce(self._waiting, now)
        ready = [span for span in self._waiting if span.ready_at <= now]
        return ("backlog", min(ready, key=lambda span: (span.chronic, span.first))) if ready else None

    def sent(
        self, lane: Lane, span: Span, seqs: Sequence[int], now: float, dropped: Sequence[Dropped] = ()
    ) -> int:
        """Note that these records of the span went out; return the envelope's ticket.

        What lies in the span after the last of them stays to be sent; numbers before it that the
        spool did not have any more are done with.
        """
        self._advance(lane, span, seqs[-1])
        ticket = next(self._tickets)
        self._in_flight[ticket] = InFlight(
            lane, span.attempt, ranges.from_numbers(seqs), now + self.patience_s(span.attempt), dropped
        )
        return ticket

    def gone(self, lane: Lane, span: Span) -> None:
        """Note that the spool has nothing of this span any more."""
        self._advance(lane, span, span.last)

    def answered(self, ack: Ack, now: float) -> list[Dropped]:
        """Take an ack; return the dropped ranges whose announcement it confirms."""
        self.taken()
        done = [*ack.stored, *((entry.seq, entry.seq) for entry in ack.rejected)]
        confirmed: list[Dropped] = []
        for ticket, envelope in list(self._in_flight.items()):
            before = ranges.count(envelope.outstanding)
            envelope.outstanding = ranges.subtract(envelope.outstanding, done)
            if ranges.count(envelope.outstanding) < before:
                confirmed.extend(envelope.dropped)
            self._defer(envelope, ack, now)
            if not envelope.outstanding:
                del self._in_flight[ticket]
        self._waiting = _without(self._waiting, done)
        return confirmed

    def taken(self) -> None:
        """Note that somebody takes what we send: no pause any more."""
        self._refusals = 0
        self._paused_until = 0.0

    def refused(self, ticket: int, now: float) -> None:
        """Note that the broker gave the envelope to nobody: keep it, and pause, longer each time."""
        if ticket in self._in_flight:
            self._give_back(ticket, ready_at=now)
        if now >= self._paused_until:
            self._refusals += 1
            self._paused_until = now + self.patience_s(self._refusals)

    def expire(self, now: float) -> list[int]:
        """Give up waiting for overdue answers; return the tickets of what is to be sent again."""
        overdue = [ticket for ticket, envelope in self._in_flight.items() if envelope.resend_at <= now]
        for ticket in overdue:
            self._give_back(ticket, ready_at=now)
        return overdue

    def wake_at(self, backlog_not_before: float) -> float | None:
        """Return when something becomes due by time alone, None if nothing will.

        `backlog_not_before` is when the backlog's rate allows the next envelope.
        """
        times = [envelope.resend_at for envelope in self._in_flight.values()]
        if self._live is not None and self._room() > 0:
            times.append(self._paused_until)
        if self._backlog_room() > 0:
            not_before = max(backlog_not_before, self._paused_until)
            times += [max(span.ready_at, not_before) for span in self._waiting]
        return min(times, default=None)

    def patience_left_s(self, ticket: int, now: float) -> float:
        """Return how long the answer to this envelope is still waited for."""
        return max(0.0, self._in_flight[ticket].resend_at - now)

    def oldest_unanswered(self) -> int | None:
        """Return the lowest `seq` that is not answered for, None when there is none."""
        firsts = [first for envelope in self._in_flight.values() for first, _ in envelope.outstanding]
        firsts += [span.first for span in self._waiting]
        firsts += [self._live[0]] if self._live else []
        return min(firsts, default=None)

    def _room(self) -> int:
        return (1 if self._refusals else self._limits.envelopes) - len(self._in_flight)

    def _backlog_room(self) -> int:
        backlog = sum(envelope.lane == "backlog" for envelope in self._in_flight.values())
        return min(self._room(), self._limits.envelopes - self._limits.reserved_live - backlog)

    def patience_s(self, attempt: int) -> float:
        """Return how long to wait for an answer: full jitter between the first wait and its doubling."""
        first = self._limits.first_resend_s
        longest = min(first * 2.0 ** min(attempt, 30), max(first, self._limits.max_resend_s))
        return self._rng.uniform(first, longest)

    def _advance(self, lane: Lane, span: Span, last_sent: int) -> None:
        rest = (last_sent + 1, span.last) if last_sent < span.last else None
        if lane == "live":
            self._live = rest
            return
        self._waiting.remove(span)
        if rest is not None:
            self._waiting.append(span._replace(first=rest[0]))

    def _give_back(self, ticket: int, ready_at: float) -> None:
        envelope = self._in_flight.pop(ticket)
        self._wait(envelope.outstanding, envelope.attempt + 1, ready_at)

    def _defer(self, envelope: InFlight, ack: Ack, now: float) -> None:
        for entry in ack.deferred:
            asked = [(entry.first_seq, entry.last_seq)]
            deferred = ranges.subtract(envelope.outstanding, ranges.subtract(envelope.outstanding, asked))
            envelope.outstanding = ranges.subtract(envelope.outstanding, asked)
            ready_at = now + max(_MIN_RETRY_S, entry.retry_after_s) * self._rng.uniform(1.0, 1.5)
            self._wait(deferred, envelope.attempt + 1, ready_at)

    def _wait(self, found: Iterable[Range], attempt: int, ready_at: float) -> None:
        attempt = min(attempt, _MAX_ATTEMPT)
        self._waiting.extend(Span(first, last, attempt, ready_at) for first, last in found)


def _coalesce(spans: list[Span], now: float) -> list[Span]:
    """Join neighbouring spans that are ready, so that many small refusals become one envelope again."""
    joined: list[Span] = []
    for span in sorted(spans):
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.last + 1 == span.first
            and before.chronic == span.chronic
            and max(before.ready_at, span.ready_at) <= now
        ):
            joined[-1] = Span(before.first, span.last, max(before.attempt, span.attempt), now)
        else:
            joined.append(span)
    return joined


def _without(spans: list[Span], done: list[Range]) -> list[Span]:
    return [
        span._replace(first=first, last=last)
        for span in spans
        for first, last in ranges.subtract([(span.first, span.last)], done)
    ]
