"""Records that wait as they came are the same records, and only where a message held nothing else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from benchmarks.wire_codec import MINUTE
from tests.collector.storage.arriving import RULES, message_of
from tests.collector.storage.building import arrival, dns
from tests.fakes.memory_store import MemoryStore

from pantau_collector.config import InfluxConfig
from pantau_collector.ingest.kept import KeptRecords
from pantau_collector.ingest.sorting import reject_records, sort_message
from pantau_collector.ingest.writer import Writer
from pantau_collector.storage.base import Parcel
from pantau_collector.storage.influx.store import InfluxStore
from pantau_wire.errors import InvalidRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.ingest.sorting import Sorted

NOBODY = "http://127.0.0.1:1"
"""No test here asks the store anything."""


@pytest.fixture
def writer() -> Iterator[Writer]:
    with contextlib.closing(InfluxStore(InfluxConfig(url=NOBODY))) as store:
        yield Writer(store, None, None)


def parcel(*extra: dict[str, object], attempt: int = 1) -> Parcel:
    """A minute's records, and some that are made of other values."""
    made = [arrival(one, seq=seq, at_s=seq).record for seq, one in enumerate(MINUTE, 1)]
    made += [dns(100 + at, **fields).record for at, fields in enumerate(extra)]
    return Parcel("desa-1", "s1", "b1", tuple(made), attempt)


def sorted_and_ready(writer: Writer, sent: Parcel) -> Sorted:
    message = message_of(sent)
    found = sort_message(message, RULES, max(sent.times_ns))
    writer.make_ready(found, message)
    return found


def test_kept_records_are_the_same(writer: Writer):
    """Counted, taken by number, sliced and gone through, they are what came."""
    sent = parcel({"name": 'de"sa \\ , = 村'}, {"failure": "timeout", "resolve_ms": None})
    found = sorted_and_ready(writer, sent)
    assert isinstance(found.records, KeptRecords)
    assert tuple(found.records) == sent.records
    assert len(found.records) == len(sent.records)
    assert [found.records[at] for at in range(len(sent.records))] == list(sent.records)
    assert found.records[-1] == sent.records[-1]
    assert found.records[2:5] == sent.records[2:5]
    assert list(found.parcel.times_ns) == list(sent.times_ns)
    assert found.parcel.arrivals == sent.arrivals


def test_a_message_with_a_bad_record_keeps_its_records(writer: Writer):
    """Its payload holds more than what is to be stored."""
    sent = parcel({"resolve_ms": -1.0})
    found = sorted_and_ready(writer, sent)
    assert len(found.dead_letters) == 1
    assert found.records == sent.records[:-1]
    assert found.ready is None


def test_a_message_of_which_something_was_rejected_keeps_the_rest(writer: Writer):
    """Also where its records were fit, but one too many."""
    sent = parcel()
    message = message_of(sent)
    found = sort_message(message, RULES, max(sent.times_ns))
    reject_records(found, found.records[:1], InvalidRecordError("too many"), 1)
    writer.make_ready(found, message)
    assert found.records == list(sent.records[1:])
    assert found.ready is None


def test_what_was_sent_again_keeps_its_records(writer: Writer):
    """The store will want to compare them with what it has."""
    sent = parcel(attempt=2)
    found = sorted_and_ready(writer, sent)
    assert found.records == sent.records
    assert found.ready is None


def test_a_store_that_wants_records_gets_them():
    """Nothing is decoded twice for it."""
    sent = parcel()
    found = sorted_and_ready(Writer(MemoryStore(), None, None), sent)
    assert found.records == sent.records
    assert found.parcel == sent
