"""The acks: what the devices of a written batch are told, one message per device and spool."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import UNSET

from pantau_wire import codec, ranges, topics
from pantau_wire.envelope import Ack, Deferred, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_collector.ingest.sorting import Sorted
    from pantau_collector.ingest.tokens import TokenDesk
    from pantau_collector.storage.base import Refusal
    from pantau_wire.envelope import DeferReason

_MAX_ENTRIES = 500  # of each answer in one ack, so that the longest of them can still be sent
_MAX_REASON = 200


@dataclass(slots=True)
class _Answer:
    """What one spool is told; a number that came several times is answered once."""

    attempt: int = 0
    sent_uptime_ns: int | None = None
    stored: list[ranges.Range] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    rejected: dict[int, Rejected] = field(default_factory=dict)
    deferred: dict[Deferred, None] = field(default_factory=dict)

    def heard(self, found: Sorted) -> None:
        """Carry back the newest time that the envelopes carried, and note how often they were sent."""
        self.attempt = max(self.attempt, found.attempt)
        if found.sent_uptime_ns is not None:
            self.sent_uptime_ns = max(found.sent_uptime_ns, self.sent_uptime_ns or 0)


def acks_of_stored(
    batch: Iterable[Sorted], refused: Iterable[Refusal], now_ns: int, desk: TokenDesk | None = None
) -> Iterator[tuple[str, bytes, str]]:
    """Yield (topic, payload, content type) for a batch that the store has written but for what it refused."""
    answers: dict[tuple[str, str], _Answer] = defaultdict(_Answer)
    for one in refused:
        answers[one.arrival.device, one.arrival.spool].refused[one.arrival.record.seq] = one.reason
    for found in batch:
        if found.spool is None:
            continue
        answer = answers[found.device, found.spool]
        answer.heard(found)
        answer.rejected.update((entry.seq, entry) for entry in found.rejected)
        answer.deferred.update(dict.fromkeys(found.deferred))
        answer.stored += found.received
    for answer in answers.values():
        answer.rejected |= {
            seq: Rejected(seq=seq, reason=reason[:_MAX_REASON]) for seq, reason in answer.refused.items()
        }
    yield from _messages(answers, now_ns, desk)


def acks_of_unstored(
    batch: Iterable[Sorted],
    retry_after_s: float,
    reason: DeferReason,
    now_ns: int,
    desk: TokenDesk | None = None,
) -> Iterator[tuple[str, bytes, str]]:
    """Yield (topic, payload, content type) for a batch that the store could not take: all deferred."""
    answers: dict[tuple[str, str], _Answer] = defaultdict(_Answer)
    for found in batch:
        if found.spool is None:
            continue
        refused = [(entry.seq, entry.seq) for entry in found.rejected]
        answer = answers[found.device, found.spool]
        answer.heard(found)
        answer.deferred.update(dict.fromkeys(found.deferred))
        answer.deferred.update(
            (Deferred(first_seq=first, last_seq=last, retry_after_s=retry_after_s, reason=reason), None)
            for first, last in ranges.merge([*found.received, *refused])
        )
    yield from _messages(answers, now_ns, desk)


def _messages(
    answers: dict[tuple[str, str], _Answer], now_ns: int, desk: TokenDesk | None
) -> Iterator[tuple[str, bytes, str]]:
    for (device, spool), answer in answers.items():
        topic = topics.topic(device, "ack")
        stored = _stored(answer)
        rejected, deferred = list(answer.rejected.values()), list(answer.deferred)
        token = _token(desk, device, answer)
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
                testpoint_token=(token if start == 0 else None) or UNSET,
            )
            yield topic, *codec.encode(ack)


def _token(desk: TokenDesk | None, device: str, answer: _Answer) -> str | None:
    """Return a token where it is time for one, and the device is one of ours."""
    if desk is None or not answer.attempt:
        return None
    return desk.token_for(device, sent_again=answer.attempt > 1)


def _stored(answer: _Answer) -> list[ranges.Range]:
    refused = [(seq, seq) for seq in answer.refused]
    return ranges.subtract(answer.stored, refused) if refused else ranges.merge(answer.stored)
