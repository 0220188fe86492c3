"""The devices of a fleet: they measure, publish, keep what is not acknowledged, and send it again.

The rules are the agent's (docs/architecture.md): a window of unanswered envelopes with room kept for live
data, a first re-send after half a minute and longer waits after it, backlog after the present and slowly.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.fleet import watching
from pantau_demo.fleet.observations import Scene
from pantau_demo.fleet.stream.connection import Message
from pantau_demo.fleet.stream.envelopes import envelope, parcels
from pantau_demo.fleet.stream.spool import InFlight, Span, Spool, placed, standings
from pantau_wire import ranges, topics
from pantau_wire.envelope import Dropped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_demo.fleet.life import Block, Life
    from pantau_demo.fleet.stream.account import Account
    from pantau_demo.fleet.stream.connection import Connection
    from pantau_demo.fleet.stream.envelopes import Parcel
    from pantau_demo.fleet.watching import Standing, Track
    from pantau_wire.envelope import Ack

WINDOW, BACKLOG_WINDOW = 8, 6
FIRST_RESEND_S, MAX_RESEND_S = 30.0, 900.0
BACKLOG_MINUTES = 30
BACKLOG_EVERY_S = 3.0
_BACKLOG_BUDGET_S = 0.05
_NOBODY_LISTENS_S = 5.0
_RESUMED_MINUTES = 60


class Fleet:
    """One population over some connections; the caller tells it of seconds, acks, and when to deliver."""

    def __init__(
        self,
        life: Life,
        standing: Standing,
        connections: Sequence[Connection],
        account: Account,
        *,
        expiry: bool = True,
    ) -> None:
        """Begin with devices that stand as `standing` says; `expiry` lets messages expire in the broker."""
        self.account = account
        self._life, self._standing, self._connections, self._expiry = life, standing, connections, expiry
        population = life.population
        self._number = {name: at for at, name in enumerate(population.names)}
        self._cohorts = [np.flatnonzero(population.phase_s == second) for second in range(60)]
        self._online = np.zeros(len(population), dtype=bool)
        self._spools: dict[int, Spool] = {}
        self._rng = random.Random(life.dice.seed)  # noqa: S311 - moments of re-sends, not secrets

    @property
    def waiting_records(self) -> int:
        """How many records were measured and are not stored, as far as is known here."""
        account = self.account
        return account.records_measured - account.records_stored - account.records_rejected

    @property
    def in_flight_count(self) -> int:
        """How many envelopes are not answered."""
        return sum(len(spool.in_flight) for spool in self._spools.values())

    @property
    def unanswered_records(self) -> int:
        """How many records were sent and are not answered."""
        return sum(
            ranges.count(sent.outstanding) for spool in self._spools.values() for sent in spool.in_flight
        )

    def resume(self, first_minute: int, until_minute: int) -> None:
        """Have every device deliver what it measured since a minute in which it was left, up to another."""
        who = np.arange(len(self._life.population))
        for at, stood in enumerate(standings(self._standing, who)):
            self._spool(at).waiting.append(Span(first_minute, until_minute, stood, attempt=2))
        for first in range(first_minute, until_minute, _RESUMED_MINUTES):
            block = self._life.block(who, first, min(_RESUMED_MINUTES, until_minute - first))
            track = watching.follow(block, self._life.population, self._standing)
            self._measured(block, track)
            self._online = (block.measuring & block.online & track.synced)[:, -1]

    def second(self, second: int, due_s: float) -> None:
        """Let those measure whose second of the minute this is (since 1970); it was due at `due_s`."""
        who = self._cohorts[second % 60]
        if not len(who):
            return
        before = standings(self._standing, who)
        block = self._life.block(who, second // 60, 1)
        track = watching.follow(block, self._life.population, self._standing)
        self._measured(block, track)
        self._online[who] = (block.measuring & block.online & track.synced)[:, 0]
        now_s = time.monotonic()
        for row, parcel in parcels(Scene(self._life, block, track)).items():
            at, spool = int(who[row]), self._spool(int(who[row]))
            span = Span(second // 60, second // 60 + 1, before[row])
            if self._online[at] and len(spool.in_flight) < WINDOW:
                self._send(at, spool, span, parcel, due_s=due_s, now_s=now_s)
            else:
                spool.put(span)

    def deliver(self) -> None:
        """Give up waiting where it was long enough, and send what waits, as long as there is time for it."""
        now_s = time.monotonic()
        for at, spool in list(self._spools.items()):
            self._expire(spool, now_s)
            if spool.empty:
                del self._spools[at]
            elif self._online[at] and time.monotonic() - now_s < _BACKLOG_BUDGET_S:
                self._backlog(at, spool, now_s)

    def acked(self, device: str, ack: Ack) -> None:
        """Take what a device was told; of a device that is not of this fleet nothing is known."""
        at = self._number.get(device)
        spool = None if at is None else self._spools.get(at)
        if at is None or spool is None or ack.spool != self._life.spools[at]:
            return
        now_s = time.monotonic()
        rejected = [(one.seq, one.seq) for one in ack.rejected]
        deferred = [(one.first_seq, one.last_seq) for one in ack.deferred]
        for one in ack.deferred:
            self.account.deferrals[one.reason] += 1
        retry_s = now_s + max((one.retry_after_s for one in ack.deferred), default=0.0)
        for sent in list(spool.in_flight):
            self._settle(spool, sent, ranges.merge(ack.stored), rejected, now_s)
            if sent.outstanding and ranges.subtract(sent.outstanding, deferred) != sent.outstanding:
                spool.in_flight.remove(sent)
                spool.again.append((retry_s + self._rng.uniform(0, FIRST_RESEND_S), sent.span.once_more()))

    def _settle(
        self,
        spool: Spool,
        sent: InFlight,
        stored: list[ranges.Range],
        rejected: list[ranges.Range],
        now_s: float,
    ) -> None:
        """Strike off what an ack answers of an envelope."""
        left = ranges.subtract(sent.outstanding, stored)
        if left == sent.outstanding and not rejected:
            return
        self.account.records_stored += ranges.count(sent.outstanding) - ranges.count(left)
        sent.outstanding = ranges.subtract(left, rejected)
        self.account.records_rejected += ranges.count(left) - ranges.count(sent.outstanding)
        if not sent.outstanding:
            spool.in_flight.remove(sent)
            self.account.lag(now_s - sent.due_s)
            spool.dropped = [one for one in spool.dropped if one not in sent.dropped]

    def _measured(self, block: Block, track: Track) -> None:
        """Count what was measured, and note which numbers a faulty card lost: the agent tells of them."""
        self.account.records_measured += int(track.record_count[block.kept].sum())
        for row, at in zip(*np.nonzero(block.measuring & ~block.kept), strict=True):
            first, count = int(track.first_seq[row, at]), int(track.record_count[row, at])
            self.account.records_lost_by_card += count
            lost = Dropped(first_seq=first, last_seq=first + count - 1, reason="spool_damaged")
            self._spool(int(block.who[row])).dropped.append(lost)

    def _expire(self, spool: Spool, now_s: float) -> None:
        for sent in [one for one in spool.in_flight if one.resend_s <= now_s]:
            spool.in_flight.remove(sent)
            spool.again.append((now_s, sent.span.once_more()))
            self.account.envelopes_unanswered += 1

    def _backlog(self, at: int, spool: Spool, now_s: float) -> None:
        """Send one envelope of what waits, oldest first, unless the last one was sent just now."""
        if now_s < spool.backlog_s or len(spool.in_flight) >= BACKLOG_WINDOW:
            return
        span = spool.next_span(now_s)
        if span is None:
            return
        spool.backlog_s = now_s + BACKLOG_EVERY_S
        scene, rest = self._scene(at, span)
        if rest is not None:
            spool.put_back(rest)
        parcel = parcels(scene).get(0)
        if parcel is not None:
            made = Span(
                span.first_minute, span.first_minute + len(scene.block.minute), span.stood, span.attempt
            )
            self._send(at, spool, made, parcel, due_s=now_s, now_s=now_s)

    def _scene(self, at: int, span: Span) -> tuple[Scene, Span | None]:
        """Return a span's first minutes again, of one boot and not too many, and the span of the others."""
        who, count = np.array([at]), min(span.until_minute - span.first_minute, BACKLOG_MINUTES)
        while True:
            standing = placed(span.stood, at, len(self._life.population))
            block = self._life.block(who, span.first_minute, count)
            track = watching.follow(block, self._life.population, standing)
            boots = track.boot_minute[0]
            other = np.flatnonzero(block.kept[0] & (boots != boots[block.kept[0].argmax()]))
            if not len(other):
                break
            count = int(other[0])
        until = span.first_minute + count
        rest = None
        if until < span.until_minute:
            rest = Span(until, span.until_minute, standings(standing, who)[0], span.attempt)
        return Scene(self._life, block, track), rest

    def _send(self, at: int, spool: Spool, span: Span, parcel: Parcel, *, due_s: float, now_s: float) -> None:
        patience_s = min(FIRST_RESEND_S * 2 ** (span.attempt - 1), MAX_RESEND_S)
        patience_s = FIRST_RESEND_S + self._rng.uniform(0, patience_s)
        oldest = min(spool.oldest_seq(), parcel.seqs[0])
        payload, content_type = envelope(
            self._life, at, parcel, attempt=span.attempt, oldest_seq=oldest, dropped=spool.dropped
        )
        outstanding = ranges.from_numbers(parcel.seqs)
        sent = InFlight(span, outstanding, due_s, now_s + patience_s, tuple(spool.dropped))
        spool.in_flight.append(sent)
        self.account.envelopes_sent += 1
        self.account.envelopes_again += span.attempt > 1

        def refused() -> None:
            self.account.envelopes_refused += 1
            sent.resend_s = time.monotonic() + self._rng.uniform(1.0, 2 * _NOBODY_LISTENS_S)

        topic = topics.topic(self._life.population.names[at], "measurements")
        expiry_s = int(patience_s) + 1 if self._expiry else None
        connection = self._connections[at % len(self._connections)]
        connection.publish(Message(topic, payload, content_type, expiry_s, refused))

    def _spool(self, at: int) -> Spool:
        found = self._spools.get(at)
        if found is None:
            found = self._spools[at] = Spool()
        return found
