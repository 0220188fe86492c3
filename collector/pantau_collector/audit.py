"""The proof that nothing is missing, or the names of the holes: from the store alone.

A spool numbers its records from 1 without gaps. Each number ends as received, rejected or dropped, and the
`delivery` series says which; a number below the highest seen that is none of them is missing. A number
that was received must have a point in the store as well.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from pantau_wire import ranges
from pantau_wire.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pantau_collector.storage.base import Delivery, Store


class SpoolAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one spool's numbers from `first_seq` to `last_seq`; counts are of records.

    `missing` were never heard of; `lost` were received and are not in the store. A number may have been both
    received and refused as altered: it counts as received.
    """

    device: str
    spool: str
    first_seq: int
    last_seq: int
    received_count: int
    rejected_count: int
    dropped_count: int
    missing: tuple[Range, ...] = ()
    lost: tuple[Range, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every number is explained."""
        return not self.missing and not self.lost


def audit(store: Store, devices: Iterable[str], since_ns: int = 0) -> Iterator[SpoolAccount]:
    """Return an account of each spool that delivered since then, device by device.

    Raises `StoreUnavailableError`.
    """
    for device in devices:
        by_spool: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in store.deliveries(device):
            by_spool[delivery.spool].append(delivery)
        for spool, deliveries in by_spool.items():
            first_seq = _first_since(deliveries, since_ns)
            if first_seq is not None:
                yield account(deliveries, store.stored_seqs(device, spool), first_seq)


def account(deliveries: Sequence[Delivery], stored: Sequence[Range], first_seq: int = 1) -> SpoolAccount:
    """Return the account of one spool from `first_seq` on; `deliveries` must not be empty."""
    last_seq = max(entry.last_seq for entry in deliveries)
    span = [(first_seq, last_seq)]
    received = _within(span, deliveries, "received")
    rejected = ranges.subtract(_within(span, deliveries, "rejected"), received)
    dropped = ranges.subtract(_within(span, deliveries, "dropped"), [*received, *rejected])
    return SpoolAccount(
        device=deliveries[0].device,
        spool=deliveries[0].spool,
        first_seq=first_seq,
        last_seq=last_seq,
        received_count=ranges.count(received),
        rejected_count=ranges.count(rejected),
        dropped_count=ranges.count(dropped),
        missing=tuple(ranges.subtract(span, [*received, *rejected, *dropped])),
        lost=tuple(ranges.subtract(received, [*stored, *_within(span, deliveries, "rejected")])),
    )


def _first_since(deliveries: Sequence[Delivery], since_ns: int) -> int | None:
    """Return the number from which to count: 1, or the lowest that arrived since; None if nothing did."""
    if not since_ns:
        return 1
    return min((entry.first_seq for entry in deliveries if entry.at_ns >= since_ns), default=None)


def _within(span: Sequence[Range], deliveries: Sequence[Delivery], state: str) -> list[Range]:
    found = [(entry.first_seq, entry.last_seq) for entry in deliveries if entry.state == state]
    return ranges.subtract(span, ranges.subtract(span, found))
