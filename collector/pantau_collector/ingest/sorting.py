"""What is to become of one message: pure, without I/O. Everything in it ends in exactly one place.

A record is an arrival for the store, or a dead letter with a rejection, or deferred to a later day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from pantau_collector.deadletters import DeadLetter
from pantau_collector.storage.base import Delivery, Parcel, Ready
from pantau_wire import __version__, codec, ranges, topics
from pantau_wire.envelope import MAX_DROPPED_SPOOLS, VERSION, Deferred, Header, Record, Rejected
from pantau_wire.errors import InvalidTopicError, UnknownVersionError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Arrival
    from pantau_wire.codec import Decoded, Refused
    from pantau_wire.envelope import DeferReason

_MAX_REASON = 200
_DEFERRED_BYTES = 200  # what the answer for one range takes


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
    """One message, sorted. `spool` is None where nobody can be answered; `received` is the records' seqs.

    `entries_count` is how many records and dropped ranges it holds, `text_bytes` its size when inflated, or
    about as much as is kept of it where its records are not.
    `attempt` is how often a registered device sent it, 0 for who is not registered and what cannot be read.
    """

    device: str
    spool: str | None = None
    boot: str = ""
    sent_uptime_ns: int | None = None
    attempt: int = 0
    records: Sequence[Record] = ()
    received: Sequence[ranges.Range] = ()
    deliveries: Sequence[Delivery] = ()
    dead_letters: Sequence[DeadLetter] = ()
    rejected: Sequence[Rejected] = ()
    deferred: Sequence[Deferred] = ()
    entries_count: int = 0
    text_bytes: int = 0
    ready: Ready | None = None

    @property
    def parcel(self) -> Parcel:
        """The records, as a store takes them."""
        return Parcel(self.device, self.spool or "", self.boot, self.records, self.attempt, self.ready)

    @property
    def is_all_of_it(self) -> bool:
        """Whether the records are all that the message holds."""
        return bool(self.records) and not self.dead_letters

    @property
    def asks_for_time_only(self) -> bool:
        """Whether there is nothing to keep, and nothing to say but what time it is."""
        return (
            not self.records
            and self.spool is not None
            and not (self.deliveries or self.dead_letters or self.rejected or self.deferred)
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
    return Sorted(
        found.device,
        found.spool,
        sent_uptime_ns=found.sent_uptime_ns,
        deferred=deferred,
        text_bytes=held_bytes,
    )


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


def reject_records(found: Sorted, refused: Sequence[Record], error: WireError, now_ns: int) -> None:
    """Make these records of a sorted message dead letters, and rejected."""
    refused_ids = set(map(id, refused))  # by identity: a hostile envelope may use a number twice
    arrivals = msgspec.structs.replace(found.parcel, records=refused).arrivals
    letters = [letter_of(arrival, error.reason, str(error), now_ns) for arrival in arrivals]
    found.dead_letters = [*found.dead_letters, *letters]
    found.rejected = [
        *found.rejected,
        *(Rejected(seq=record.seq, reason=_short(error)) for record in refused),
    ]
    found.records = [record for record in found.records if id(record) not in refused_ids]
    found.received = _ranges_of(found.records)
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
    header, records, refused = decoded.header, decoded.records, decoded.refused
    found = Sorted(header.device, header.spool, header.boot, header.sent_uptime_ns)
    if not rules.is_registered(header.device):
        seqs = [record.seq for record in records]
        seqs += [one.seq for one in refused if one.seq is not None]
        found.deferred = _deferred(ranges.from_numbers(seqs), rules.unregistered_retry_s, "unregistered")
        return found
    found.attempt = header.attempt
    found.records = records
    found.received = _ranges_of(records)
    if refused:
        found.dead_letters = [_letter_of_refused(header, one, now_ns) for one in refused]
        found.rejected = [
            Rejected(seq=one.seq, reason=_short(one.error)) for one in refused if one.seq is not None
        ]
    found.deliveries = _answered(found, now_ns)
    if header.dropped:
        found.deliveries += _dropped(header, now_ns)
    found.entries_count = len(records) + len(refused) + len(header.dropped)
    return found


def _ranges_of(records: Sequence[Record]) -> list[ranges.Range]:
    """Return the records' numbers; nearly always they follow each other."""
    if not records:
        return []
    first = expected = records[0].seq
    for record in records:
        if record.seq != expected:
            return ranges.from_numbers(one.seq for one in records)
        expected += 1
    return [(first, expected - 1)]


def _answered(found: Sorted, now_ns: int) -> list[Delivery]:
    """Return what is received and what is rejected of a message with a spool."""
    spool = found.spool or ""
    entries = [
        Delivery(found.device, spool, first, last, "received", now_ns) for first, last in found.received
    ]
    if found.rejected:
        entries += [
            Delivery(found.device, spool, entry.seq, entry.seq, "rejected", now_ns, entry.reason)
            for entry in found.rejected
        ]
    return entries


def _dropped(header: Header, now_ns: int) -> list[Delivery]:
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


def _letter_of_refused(header: Header, refused: Refused, now_ns: int) -> DeadLetter:
    # Nothing that changes when the record is sent again: the same letter is then counted, not kept twice.
    alone = msgspec.structs.replace(
        header, attempt=1, oldest_unacked_seq=refused.seq or 1, dropped=(), sent_uptime_ns=None
    )
    payload, content_type = codec.encode_envelope(alone, [msgspec.Raw(refused.raw)])
    return DeadLetter(header.device, now_ns, refused.error.reason, str(refused.error), payload, content_type)


def _refuse_whole(message: Message, device: str, error: WireError, now_ns: int) -> Sorted:
    """Refuse all of a message; answer for its records where their numbers are legible."""
    letter = DeadLetter(device, now_ns, error.reason, str(error), message.payload, message.content_type)
    found = Sorted(device, dead_letters=[letter], entries_count=1, text_bytes=len(message.payload))
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
