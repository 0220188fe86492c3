"""Writes sorted messages: first the dead letters, then the store, and says what was not new."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import structlog

from pantau_collector.ingest.kept import KeptRecords
from pantau_collector.ingest.late import late_marks
from pantau_collector.ingest.sorting import letter_of
from pantau_collector.storage.base import Batch, Delivery, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.deadletters import DeadLetter, DeadLetters
    from pantau_collector.ingest.sorting import Message, Sorted
    from pantau_collector.metrics import Metrics
    from pantau_collector.storage.base import Store, WriteReport

log = structlog.get_logger()

ALTERED = "altered: another value is stored for this time"
STORE_REFUSED = "store_refused"


class Writer:
    """Blocks; call it from a thread."""

    def __init__(self, store: Store, dead_letters: DeadLetters, metrics: Metrics) -> None:
        """Write to these from now on."""
        self._store = store
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._rotating: set[str] = set()

    def make_ready(self, found: Sorted, message: Message) -> None:
        """Have a message wait in the store's form of it, and its records only as they came."""
        if not found.is_all_of_it:
            return
        found.ready = self._store.make_ready(found.parcel)
        if found.ready is not None:
            found.records = KeptRecords(message.payload, message.content_type, len(found.records))

    def write(self, messages: Sequence[Sorted]) -> list[Refusal]:
        """Write everything durably; return what is in the dead letters because the store has not taken it.

        Raises `StoreUnavailableError` when not all of it could be written. Whatever was written before that
        stays and does no harm: writing it again changes nothing.
        """
        letters = [letter for found in messages for letter in found.dead_letters]
        if letters:
            self._keep(letters)
        batch = Batch(
            parcels=[found.parcel for found in messages if found.records],
            deliveries=_joined([entry for found in messages for entry in found.deliveries]),
        )
        began = time.perf_counter()
        report = self._store.write(batch)
        self._mark_late(batch)
        self._count(messages, letters, batch, report, time.perf_counter() - began)
        altered = [Refusal(arrival, ALTERED) for arrival in report.altered]
        refused = [Refusal(one.arrival, f"{STORE_REFUSED}: {one.reason}") for one in report.refused]
        self._quarantine("altered", altered)
        self._quarantine(STORE_REFUSED, refused)
        return altered + refused

    def _mark_late(self, batch: Batch) -> None:
        """Tell the analysis before devices are told `stored`; repeated points too: their mark may be lost."""
        marks = late_marks(batch.parcels, time.time_ns())
        if marks:
            self._store.write_series(marks)

    def _quarantine(self, reason: str, refused: Sequence[Refusal]) -> None:
        """Keep what the store has not, and say so in the deliveries."""
        if not refused:
            return
        now_ns = time.time_ns()
        self._keep([letter_of(one.arrival, reason, one.reason, now_ns) for one in refused])
        self._store.write(Batch(deliveries=[_rejected(one, now_ns) for one in refused]))
        event = f"ingest.{reason}"
        log.warning(
            event,
            points_count=len(refused),
            device=refused[0].arrival.device,
            detail=refused[0].reason,
        )

    def _keep(self, letters: Sequence[DeadLetter]) -> None:
        for rotation in self._dead_letters.keep(letters):
            self._metrics.rotated.labels(rotation.reason).inc(rotation.letters)
            if rotation.account not in self._rotating:
                log.warning("dead_letters.rotated", device=rotation.account, reason=rotation.reason)
            self._rotating.add(rotation.account)
        self._metrics.dead_letters_bytes.set(self._dead_letters.used_bytes())

    def _count(
        self,
        messages: Sequence[Sorted],
        letters: Sequence[DeadLetter],
        batch: Batch,
        report: WriteReport,
        write_s: float,
    ) -> None:
        metrics = self._metrics
        metrics.points.inc(report.new_count)
        metrics.repeated.inc(report.repeated_count)
        metrics.altered.inc(len(report.altered))
        metrics.write_seconds.observe(write_s)
        metrics.note_lags([parcel.times_ns[0] for parcel in batch.parcels])
        metrics.batch_records.observe(batch.records_count)
        for letter in letters:
            metrics.refused.labels(letter.reason).inc()
        if report.refused:
            metrics.refused.labels(STORE_REFUSED).inc(len(report.refused))
        for found in messages:
            for entry in found.deferred:
                metrics.deferred.labels(entry.reason).inc(entry.last_seq - entry.first_seq + 1)


def _joined(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return the same with neighbouring received ranges as one: a backlog comes in many small envelopes."""
    kept: list[Delivery] = []
    last: dict[tuple[str, str], int] = {}  # where the last received range of a spool stands in `kept`
    for entry in deliveries:
        if entry.state == "received":
            at = last.get((entry.device, entry.spool))
            if at is not None and kept[at].last_seq + 1 == entry.first_seq:
                kept[at] = msgspec.structs.replace(entry, first_seq=kept[at].first_seq)
                continue
            last[entry.device, entry.spool] = len(kept)
        kept.append(entry)
    return kept


def _rejected(refusal: Refusal, now_ns: int) -> Delivery:
    arrival = refusal.arrival
    seq = arrival.record.seq
    return Delivery(arrival.device, arrival.spool, seq, seq, "rejected", now_ns, refusal.reason)
