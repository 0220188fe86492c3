"""Writes sorted messages: first the dead letters, then the store, and says what was not new."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import structlog

from pantau_collector.deadletters import DeadLetter
from pantau_collector.ingest.answers import ALTERED
from pantau_collector.storage.base import Batch, Delivery
from pantau_wire import __version__, codec
from pantau_wire.envelope import VERSION, Header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.deadletters import DeadLetters
    from pantau_collector.ingest.sorting import Sorted
    from pantau_collector.metrics import Metrics
    from pantau_collector.storage.base import Arrival, Store, WriteReport

log = structlog.get_logger()


class Writer:
    """Blocks; call it from a thread."""

    def __init__(self, store: Store, dead_letters: DeadLetters, metrics: Metrics) -> None:
        """Write to these from now on."""
        self._store = store
        self._dead_letters = dead_letters
        self._metrics = metrics

    def write(self, messages: Sequence[Sorted]) -> WriteReport:
        """Write everything durably; raises `StoreUnavailableError` when not all of it could be.

        Whatever was written before that stays and does no harm: writing it again changes nothing.
        """
        letters = [letter for found in messages for letter in found.dead_letters]
        if letters:
            self._dead_letters.keep(letters)
        batch = Batch(
            arrivals=[arrival for found in messages for arrival in found.arrivals],
            deliveries=[entry for found in messages for entry in found.deliveries],
        )
        began = time.perf_counter()
        report = self._store.write(batch)
        self._count(messages, letters, batch, report, time.perf_counter() - began)
        if report.altered:
            self._refuse(report.altered)
        return report

    def _refuse(self, altered: Sequence[Arrival]) -> None:
        self._dead_letters.keep([_altered_letter(arrival) for arrival in altered])
        self._store.write(Batch(deliveries=[_altered_delivery(arrival) for arrival in altered]))
        log.warning("ingest.altered", points_count=len(altered), device=altered[0].device)

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
        metrics.batch_records.observe(len(batch.arrivals))
        for letter in letters:
            metrics.refused.labels(letter.reason).inc()
        for found in messages:
            for entry in found.deferred:
                metrics.deferred.labels(entry.reason).inc(entry.last_seq - entry.first_seq + 1)


def _altered_letter(arrival: Arrival) -> DeadLetter:
    """Return what came with other values than are stored, as an envelope of its own."""
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
    return DeadLetter(arrival.device, time.time_ns(), "altered", ALTERED, payload, content_type)


def _altered_delivery(arrival: Arrival) -> Delivery:
    seq = arrival.record.seq
    return Delivery(arrival.device, arrival.spool, seq, seq, "rejected", time.time_ns(), ALTERED)
