"""What is to become of one message: pure, without I/O. Everything in it ends in exactly one place.

A record is an arrival for the store, or a dead letter with a rejection, or deferred to a later day.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from pantau_collector.deadletters import DeadLetter
from pantau_collector.storage.base import Arrival, Delivery
from pantau_wire import __version__, codec, ranges, topics
from pantau_wire.envelope import MAX_DROPPED_SPOOLS, VERSION, Deferred, Header, Rejected
from pantau_wire.errors import InvalidTopicError, UnknownVersionError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_wire.codec import Decoded, Refused
    from pantau_wire.envelope import DeferReason, Record

_MAX_REASON = 200
_DEFERRED_BYTES = 200  # what the answer for one range takes
_read_seq = operator.attrgetter("seq")


class Message(msgspec.Struct, frozen=True, gc=False):
    """What came from the broker."""

    topic: str
    payload: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the sorting needs to know of the world: who is registered, and when to come back (s)."""

    is_registered: Callable[[str], bool]
    unregistered_retry_s: float
    newer_agent_retry_s: float


class Sorted(msgspec.Struct, gc=False):
    """One message, sorted. `spool` is None where nobody can be answered; `received` is the arrivals' seqs.

    `entries_count` is how many records and dropped ranges it holds, `text_bytes` its size when inflated, or
    about as much as is kept of it where its records are not.
    `attempt` is how often a registered device sent it, 0 for who is not registered and what cannot be read.
    """

    device: str
    spool: str | None = None
    sent_uptime_ns: int | None = None
    arrivals: list[Arrival] = []
    received: list[ranges.Range] = []
    deliveries: list[Delivery] = []
    dead_letters: list[DeadLetter] = []
    rejected: list[Rejected] = []
    deferred: list[Deferred] = []
    entries_count: int = 0
    text_bytes: int = 0
    attempt: int = 0

    @property
    def asks_for_time_only(self) -> bool:
        """Whether there is nothing to keep, and nothing to say but what time it is."""
        return self.spool is not None and not (
            self.arrivals or self.deliveries or self.dead_letters or self.rejected or self.deferred
        )


def sort_message(message: Message, rules: Rules, now_ns: int) -> Sorted:
    """Return what is to become of the message. Never raises for what is in it."""
    try:
        device, _ = topics.parse(message.topic)
    except InvalidTopicError as error:
        return _refuse_whole(message, message.topic[:_MAX_REASON], error, now_ns)
    return sort_message_of(device, message, rules, now_ns)


def sort_message_of(device: str, message: Message, rules: Rules, now_ns: int) -> Sorted:
    """Return what is to become of a message whose topic is this device's. Never raises for what is in it."""
    try:
        text = codec.unpack(message.payload, message.content_type)
    except WireError as error:
        return _refuse_whole(message, device, error, now_ns)
    found = _sort_text(text, message, device, rules, now_ns)
    found.text_bytes = len(text)
    return found


def _sort_text(text: bytes, message: Message, device: str, rules: Rules, now_ns: int) -> Sorted:
    try:
        decoded = codec.decode_envelope(text, codec.JSON, now_ns)
    except UnknownVersionError as error:
        return _defer_newer(message, device, error, rules, now_ns)
    except WireError as error:
        return _refuse_whole(message, device, error, now_ns)
    if decoded.header.device != device:
        claim = IdentityError(f"the payload claims to be of {decoded.header.device}")
        return _refuse_whole(message, device, claim, now_ns)
    return _sort_decoded(decoded, rules, now_ns)


def defer_all(found: Sorted, retry_after_s: float, reason: DeferReason) -> Sorted | None:
    """Return a sorted message with all of its numbers deferred, and nothing else; None where it has none."""
    seqs = ranges.merge([*found.received, *((entry.seq, entry.seq) for entry in found.rejected)])
    if found.spool is None or not seqs:
        return None
    deferred = _deferred(seqs, retry_after_s, reason)
    held_bytes = _DEFERRED_BYTES * len(deferred)
    return Sorted(found.device, found.spool, found.sent_uptime_ns, deferred=deferred, text_bytes=held_bytes)


def defer_unread(message: Message, device: str, retry_after_s: float, reason: DeferReason) -> Sorted | None:
    """Return a message with its numbers deferred, without looking at its records; None where it has none."""
    try:
        text = codec.unpack(message.payload, message.content_type)
        outline = codec.decode_outline(text, codec.JSON)
    except WireError:
        return None
    if outline.device != device or not outline.seqs:
        return None
    deferred = _deferred(list(outline.seqs), retry_after_s, reason)
    return Sorted(device, outline.spool, deferred=deferred, text_bytes=_DEFERRED_BYTES * len(deferred))


def reject_arrivals(found: Sorted, refused: Sequence[Arrival], error: WireError, now_ns: int) -> None:
    """Make these arrivals of a sorted message dead letters, and rejected."""
    refused_ids = set(map(id, refused))  # by identity: a hostile envelope may use a number twice
    found.arrivals = [arrival for arrival in found.arrivals if id(arrival) not in refused_ids]
    found.received = _ranges_of([arrival.record for arrival in found.arrivals])
    found.dead_letters += [letter_of(arrival, error.reason, str(error), now_ns) for arrival in refused]
    found.rejected += [Rejected(seq=arrival.record.seq, reason=_short(error)) for arrival in refused]
    dropped = [entry for entry in found.deliveries if entry.state == "dropped"]
    found.deliveries = [*_answered(found, now_ns), *dropped]


def letter_of(arrival: Arrival, reason: str, detail: str, now_ns: int) -> DeadLetter:
    """Return the dead letter of a record that could be read: an envelope of its own."""
    record = arrival.record
    header = Header(
        v=VERSION,
        device=arrival.device,
        agent=__version__,
        spool=arrival.spool,
        boot=arrival.boot,
        oldest_unacked_seq=record.seq,
    )
    payload, content_type = codec.encode_envelope(header, [msgspec.Raw(msgspec.json.encode(record))])
    return DeadLetter(arrival.device, now_ns, reason, detail, payload, content_type)


class IdentityError(WireError):
    """A payload that claims to be another device's than the topic's."""

    reason = "identity"


def _sort_decoded(decoded: Decoded, rules: Rules, now_ns: int) -> Sorted:
    header, records = decoded.header, decoded.records
    found = Sorted(header.device, header.spool, header.sent_uptime_ns)
    if not rules.is_registered(header.device):
        seqs = [record.seq for record in records]
        seqs += [refused.seq for refused in decoded.refused if refused.seq is not None]
        found.deferred = _deferred(ranges.from_numbers(seqs), rules.unregistered_retry_s, "unregistered")
        return found
    found.attempt = header.attempt
    device, spool, boot, attempt = header.device, header.spool, header.boot, header.attempt
    found.arrivals = [Arrival(device, spool, boot, record, attempt) for record in records]
    found.received = _ranges_of(records)
    for refused in decoded.refused:
        _refuse_record(found, header, refused, now_ns)
    found.deliveries = [*_answered(found, now_ns), *_dropped(header, now_ns)]
    found.entries_count = len(records) + len(decoded.refused) + len(header.dropped)
    return found


def _ranges_of(records: Sequence[Record]) -> list[ranges.Range]:
    """Return the records' numbers; nearly always they follow each other."""
    seqs = list(map(_read_seq, records))
    if seqs and seqs == list(range(seqs[0], seqs[0] + len(seqs))):
        return [(seqs[0], seqs[-1])]
    return ranges.from_numbers(seqs)


def _answered(found: Sorted, now_ns: int) -> list[Delivery]:
    """Return what is received and what is rejected of a message with a spool."""
    spool = found.spool or ""
    entries = [
        Delivery(found.device, spool, first, last, "received", now_ns) for first, last in found.received
    ]
    entries += [
        Delivery(found.device, spool, entry.seq, entry.seq, "rejected", now_ns, entry.reason)
        for entry in found.rejected
    ]
    return entries


def _dropped(header: Header, now_ns: int) -> list[Delivery]:
    if not header.dropped:
        return []
    named = list(dict.fromkeys(entry.spool for entry in header.dropped if entry.spool))
    taken = {UNSET, *named[:MAX_DROPPED_SPOOLS]}
    return [
        Delivery(
            header.device,
            entry.spool or header.spool,
            entry.first_seq,
            entry.last_seq,
            "dropped",
            now_ns,
            entry.reason,
        )
        for entry in header.dropped
        if entry.spool in taken
    ]


def _refuse_record(found: Sorted, header: Header, refused: Refused, now_ns: int) -> None:
    # Nothing that changes when the record is sent again: the same letter is then counted, not kept twice.
    alone = msgspec.structs.replace(
        header, attempt=1, oldest_unacked_seq=refused.seq or 1, dropped=(), sent_uptime_ns=None
    )
    payload, content_type = codec.encode_envelope(alone, [msgspec.Raw(refused.raw)])
    letter = DeadLetter(
        header.device, now_ns, refused.error.reason, str(refused.error), payload, content_type
    )
    found.dead_letters.append(letter)
    if refused.seq is not None:
        found.rejected.append(Rejected(seq=refused.seq, reason=_short(refused.error)))


def _refuse_whole(message: Message, device: str, error: WireError, now_ns: int) -> Sorted:
    """Refuse all of a message; answer for its records where their numbers are legible."""
    found = Sorted(device, entries_count=1, text_bytes=len(message.payload))
    found.dead_letters.append(
        DeadLetter(device, now_ns, error.reason, str(error), message.payload, message.content_type)
    )
    try:
        outline = codec.decode_outline(message.payload, message.content_type)
    except WireError:
        return found
    if outline.device == device:
        found.spool = outline.spool
        found.rejected = [
            Rejected(seq=seq, reason=_short(error))
            for first, last in outline.seqs
            for seq in range(first, last + 1)
        ]
        found.entries_count = max(1, len(found.rejected))
        found.deliveries = [
            Delivery(device, outline.spool, first, last, "rejected", now_ns, error.reason)
            for first, last in outline.seqs
        ]
    return found


def _defer_newer(message: Message, device: str, error: WireError, rules: Rules, now_ns: int) -> Sorted:
    try:
        outline = codec.decode_outline(message.payload, message.content_type)
    except WireError:
        return _refuse_whole(message, device, error, now_ns)
    if outline.device != device:
        return _refuse_whole(message, device, error, now_ns)
    found = Sorted(device, outline.spool)
    found.deferred = _deferred(list(outline.seqs), rules.newer_agent_retry_s, "newer_agent")
    return found


def _deferred(seqs: list[ranges.Range], retry_after_s: float, reason: DeferReason) -> list[Deferred]:
    return [
        Deferred(first_seq=first, last_seq=last, retry_after_s=retry_after_s, reason=reason)
        for first, last in seqs
    ]


def _short(error: WireError) -> str:
    text = "".join(char if char.isprintable() else " " for char in f"{error.reason}: {error}")
    return text[:_MAX_REASON]
