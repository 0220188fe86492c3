"""The acks: what the devices of a written batch are told, one message per device and spool."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_wire import codec, ranges, topics
from pantau_wire.envelope import Ack, Deferred, Rejected

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pantau_collector.ingest.sorting import Sorted
    from pantau_collector.storage.base import Arrival
    from pantau_wire.envelope import DeferReason

ALTERED = "altered: another value is stored for this time"
_MAX_ENTRIES = 500  # of each answer in one ack, so that the longest of them can still be sent


@dataclass(slots=True)
class _Answer:
    """What one spool is told; a number that came several times is answered once."""

    sent_uptime_ns: int | None = None
    stored: list[ranges.Range] = field(default_factory=list)
    altered: set[int] = field(default_factory=set)
    rejected: dict[int, Rejected] = field(default_factory=dict)
    deferred: dict[Deferred, None] = field(default_factory=dict)

    def echo(self, sent_uptime_ns: int | None) -> None:
        """Carry back the newest of what the envelopes carried."""
        if sent_uptime_ns is not None:
            self.sent_uptime_ns = max(sent_uptime_ns, self.sent_uptime_ns or 0)


def acks_of_stored(
    batch: Iterable[Sorted], altered: Collection[Arrival], now_ns: int
) -> Iterator[tuple[str, bytes, str]]:
    """Yield (topic, payload, content type) for a batch that the store has written."""
    answers: dict[tuple[str, str], _Answer] = defaultdict(_Answer)
    for arrival in altered:
        answers[arrival.device, arrival.spool].altered.add(arrival.record.seq)
    for found in batch:
        if found.spool is None:
            continue
        answer = answers[found.device, found.spool]
        answer.echo(found.sent_uptime_ns)
        answer.rejected.update((entry.seq, entry) for entry in found.rejected)
        answer.deferred.update(dict.fromkeys(found.deferred))
        answer.stored += found.received
    for answer in answers.values():
        answer.rejected |= {seq: Rejected(seq=seq, reason=ALTERED) for seq in answer.altered}
    yield from _messages(answers, now_ns)


def acks_of_unstored(
    batch: Iterable[Sorted], retry_after_s: float, reason: DeferReason, now_ns: int
) -> Iterator[tuple[str, bytes, str]]:
    """Yield (topic, payload, content type) for a batch that the store could not take: all deferred."""
    answers: dict[tuple[str, str], _Answer] = defaultdict(_Answer)
    for found in batch:
        if found.spool is None:
            continue
        refused = [(entry.seq, entry.seq) for entry in found.rejected]
        answer = answers[found.device, found.spool]
        answer.echo(found.sent_uptime_ns)
        answer.deferred.update(dict.fromkeys(found.deferred))
        answer.deferred.update(
            (Deferred(first_seq=first, last_seq=last, retry_after_s=retry_after_s, reason=reason), None)
            for first, last in ranges.merge(found.received + refused)
        )
    yield from _messages(answers, now_ns)


def _messages(answers: dict[tuple[str, str], _Answer], now_ns: int) -> Iterator[tuple[str, bytes, str]]:
    for (device, spool), answer in answers.items():
        topic = topics.topic(device, "ack")
        stored = _stored(answer)
        rejected, deferred = list(answer.rejected.values()), list(answer.deferred)
        # Where nothing is to be answered for, the time is the answer.
        for start in range(0, max(len(stored), len(rejected), len(deferred), 1), _MAX_ENTRIES):
            part = slice(start, start + _MAX_ENTRIES)
            ack = Ack(
                spool=spool,
                time_ns=now_ns,
                sent_uptime_ns=answer.sent_uptime_ns,
                stored=tuple(stored[part]),
                rejected=tuple(rejected[part]),
                deferred=tuple(deferred[part]),
            )
            yield topic, *codec.encode(ack)


def _stored(answer: _Answer) -> list[ranges.Range]:
    if not answer.altered:
        return ranges.merge(answer.stored)
    received = {seq for first, last in answer.stored for seq in range(first, last + 1)}
    return ranges.from_numbers(received - answer.altered)
