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


@dataclass(slots=True)
class _Answer:
    stored: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)


def acks_of_stored(
    batch: Iterable[Sorted], altered: Collection[Arrival], now_ns: int
) -> Iterator[tuple[str, bytes, str]]:
    """Yield (topic, payload, content type) for a batch that the store has written."""
    answers: dict[tuple[str, str], _Answer] = defaultdict(_Answer)
    refused = {(arrival.device, arrival.spool, arrival.record.seq) for arrival in altered}
    for found in batch:
        if found.spool is None:
            continue
        answer = answers[found.device, found.spool]
        answer.rejected.extend(found.rejected)
        answer.deferred.extend(found.deferred)
        for arrival in found.arrivals:
            seq = arrival.record.seq
            if (arrival.device, arrival.spool, seq) in refused:
                answer.rejected.append(Rejected(seq=seq, reason=ALTERED))
            else:
                answer.stored.append(seq)
    yield from _messages(answers, now_ns)


def acks_of_unstored(
    batch: Iterable[Sorted], retry_after_s: float, reason: DeferReason, now_ns: int
) -> Iterator[tuple[str, bytes, str]]:
    """Yield (topic, payload, content type) for a batch that the store could not take: all deferred."""
    answers: dict[tuple[str, str], _Answer] = defaultdict(_Answer)
    for found in batch:
        if found.spool is None:
            continue
        seqs = [arrival.record.seq for arrival in found.arrivals]
        seqs += [entry.seq for entry in found.rejected]
        answer = answers[found.device, found.spool]
        answer.deferred.extend(found.deferred)
        answer.deferred.extend(
            Deferred(first_seq=first, last_seq=last, retry_after_s=retry_after_s, reason=reason)
            for first, last in ranges.from_numbers(seqs)
        )
    yield from _messages(answers, now_ns)


def _messages(answers: dict[tuple[str, str], _Answer], now_ns: int) -> Iterator[tuple[str, bytes, str]]:
    for (device, spool), answer in answers.items():
        ack = Ack(
            spool=spool,
            time_ns=now_ns,
            stored=tuple(ranges.from_numbers(answer.stored)),
            rejected=tuple(answer.rejected),
            deferred=tuple(answer.deferred),
        )
        yield topics.topic(device, "ack"), *codec.encode(ack)
