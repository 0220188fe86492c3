"""Batches as the ingest hands them over: read from envelopes, made ready on arrival, their records let go."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.ingest.kept import KeptRecords
from pantau_collector.ingest.sorting import Message, Rules, sort_message
from pantau_collector.ingest.writer import Writer
from pantau_collector.storage.base import Batch, Parcel
from pantau_collector.storage.influx.store import InfluxStore
from pantau_wire import codec, topics
from pantau_wire.envelope import MAX_RECORDS, Header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.storage.base import WriteReport

RULES = Rules(lambda _: True, 300, 3600)


class ArrivingStore(InfluxStore):
    """Gets what was sent for the first time as it waits in an ingest, many records to the envelope."""

    def write(self, batch: Batch) -> WriteReport:
        return super().write(Batch([self._arrived(one) for one in envelopes(batch)], batch.deliveries))

    def _arrived(self, parcel: Parcel) -> Parcel:
        message = message_of(parcel)
        found = sort_message(message, RULES, max(parcel.times_ns))
        Writer(self, None, None).make_ready(found, message)
        assert isinstance(found.records, KeptRecords) == (parcel.attempt == 1)
        return msgspec.structs.replace(found.parcel, attempt=parcel.attempt)


def envelopes(batch: Batch) -> Iterator[Parcel]:
    """The records of one device and attempt that follow each other together."""
    groups = itertools.groupby(batch.parcels, lambda one: (one.device, one.spool, one.boot, one.attempt))
    for (device, spool, boot, attempt), parcels in groups:
        records = [record for parcel in parcels for record in parcel.records]
        for start in range(0, len(records), MAX_RECORDS):
            yield Parcel(device, spool, boot, tuple(records[start : start + MAX_RECORDS]), attempt)


def message_of(parcel: Parcel) -> Message:
    """What a device would have published."""
    header = Header(
        v=1,
        device=parcel.device,
        agent="1.0",
        spool=parcel.spool,
        boot=parcel.boot,
        attempt=parcel.attempt or 1_000_000,
        oldest_unacked_seq=1,
    )
    records = [msgspec.Raw(msgspec.json.encode(record)) for record in parcel.records]
    return Message(topics.topic(parcel.device, "measurements"), *codec.encode_envelope(header, records))
