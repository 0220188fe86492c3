"""Numbers of the spool's file, and what they are called on the wire under a spool id. Pure.

An ack may be meant for a copy of this spool on another machine: it answers for the numbers of its era only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.publisher.outbox import Numbering
    from pantau_wire.envelope import Ack, Dropped


def number_of(seq: int, numbering: Numbering) -> int:
    """Return what a record is called; what is older than the numbering is called like its first."""
    return max(1, seq - numbering.first_seq + 1)


def beside(numbering: Numbering, dropped: Sequence[Dropped], present: str) -> tuple[Dropped, ...]:
    """Return dropped ranges as they stand in an envelope; those without a spool are the present one's."""
    if numbering.spool_id == present:
        return tuple(dropped)
    return tuple(msgspec.structs.replace(entry, spool=entry.spool or present) for entry in dropped)


def in_the_file(ack: Ack, numbering: Numbering) -> Ack:
    """Return the ack with the file's numbers, without those that this numbering does not have."""
    shift, last = numbering.first_seq - 1, numbering.last_seq
    return msgspec.structs.replace(
        ack,
        stored=tuple(
            (first + shift, min(end + shift, last)) for first, end in ack.stored if first + shift <= last
        ),
        rejected=tuple(
            msgspec.structs.replace(entry, seq=entry.seq + shift)
            for entry in ack.rejected
            if entry.seq + shift <= last
        ),
        deferred=tuple(
            msgspec.structs.replace(
                entry, first_seq=entry.first_seq + shift, last_seq=min(entry.last_seq + shift, last)
            )
            for entry in ack.deferred
            if entry.first_seq + shift <= last
        ),
    )
