"""What goes into a store comes out of it, whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from tests.collector.storage.building import START_NS, arrival, batch, dns, new_device, point_of
from tests.wire.examples import MEASUREMENTS
from tests.wire.strategies import records, thorough

from pantau_collector.storage.base import Arrival, Batch, Delivery
from pantau_wire import schema
from pantau_wire.fields import KINDS, Dns, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Store
    from pantau_wire.envelope import Record

HOSTILE = (
    "Robert'); DROP TABLE dns;--",
    'two "quotes" and a \\backslash',
    "comma, space, equals=sign",  # what line protocol must escape
    "ends in a backslash\\",
    "desa \N{LATIN SMALL LETTER E WITH ACUTE} \N{CJK UNIFIED IDEOGRAPH-6751} \N{HOUSE BUILDING}",
    "\N{COMBINING ACUTE ACCENT}\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT OVERRIDE}",
    " leading and trailing ",
    "NULL",
    "%s ? :name $1 {braces}",
    "\N{HOUSE BUILDING}" * 200,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_comes_back(store: Store, kind: str):
    """A measurement with every field set is read back with exactly those values."""
    sent = arrival(MEASUREMENTS[kind])
    store.write(batch(sent))
    assert store.points(kind, "desa-1") == [point_of(sent)]


@pytest.mark.parametrize("kind", KINDS)
def test_absent_fields_are_none(store: Store, kind: str):
    """What was not measured comes back as None, and never as zero."""
    keys = {name: getattr(MEASUREMENTS[kind], name) for name in schema.key_names(kind)}
    store.write(batch(arrival(KINDS[kind](**keys))))
    (point,) = store.points(kind, "desa-1")
    assert {name for name, value in point.values.items() if value is not None} == set(keys)
    assert set(point.values) == {column.name for column in schema.columns(kind)}


def test_flags_come_back_as_bool(store: Store):
    """True and false are read back as such, not as 1 and 0."""
    store.write(batch(arrival(Link(interface="eth0", interface_up=True, gateway_answers=False))))
    (point,) = store.points("link", "desa-1")
    assert (point.values["interface_up"], point.values["gateway_answers"]) == (True, False)
    assert isinstance(point.values["interface_up"], bool)
    assert isinstance(point.values["gateway_answers"], bool)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(store: Store, text: str):
    """Whatever the wire lets through in a text, as key or as value, is stored letter by letter."""
    sent = arrival(Dns(resolver=text, name=text, failure="protocol", failure_detail=text))
    assert store.write(batch(sent)).new_count == 1
    assert store.write(batch(sent)).repeated_count == 1
    assert store.points("dns", "desa-1", where={"resolver": text, "name": text}) == [point_of(sent)]


def test_any_record_comes_back(reopen: Callable[[], Store]):
    """Whatever record the wire allows is read back unchanged, and is its own twin when written again."""
    store = reopen()

    @settings(thorough, max_examples=max(60, thorough.max_examples // 2))
    @given(records())
    def check(record: Record):
        sent = Arrival(new_device(), "s1", "b1", record)
        assert store.write(Batch.of([sent])).new_count == 1
        assert store.points(schema.kind_of(record.data), sent.device) == [point_of(sent)]
        report = store.write(Batch.of([sent]))
        assert (report.new_count, report.repeated_count, list(report.altered)) == (0, 1, [])

    check()


def test_everything_is_there_after_closing(reopen: Callable[[], Store]):
    """Points, activity and deliveries outlive the process that wrote them."""
    store = reopen()
    store.write(batch(*(arrival(data, seq=seq) for seq, data in enumerate(MEASUREMENTS.values(), 1))))
    before = (store.activity(), store.deliveries("desa-1"), store.stored_seqs("desa-1", "s1"))
    store = reopen()
    assert (store.activity(), store.deliveries("desa-1"), store.stored_seqs("desa-1", "s1")) == before
    for seq, (kind, data) in enumerate(MEASUREMENTS.items(), 1):
        assert store.points(kind, "desa-1") == [point_of(arrival(data, seq=seq))]


def test_deliveries_come_back(store: Store):
    """What became of a range of numbers is read back with its reason, to the last number there is."""
    entries = [
        Delivery("desa-1", "s1", 1, 9, "received", START_NS),
        Delivery("desa-1", "s1", 10, 10, "rejected", START_NS, "invalid_record: it's \N{HOUSE BUILDING}"),
        Delivery("desa-1", "s1", 11, 2**63 - 1, "dropped", START_NS + 1, "spool_full"),
    ]
    store.write(Batch(deliveries=entries))
    assert store.deliveries("desa-1") == entries


def test_an_empty_batch_is_nothing(store: Store):
    """A batch without anything in it is written without complaint."""
    report = store.write(Batch())
    assert (report.new_count, report.repeated_count, list(report.altered)) == (0, 0, [])
    assert store.activity() == []


def test_devices_do_not_mix(store: Store):
    """One device's points, deliveries and numbers are not another's."""
    store.write(batch(dns(1, device="desa-1"), dns(2, device="desa-2")))
    assert [point.seq for point in store.points("dns", "desa-1")] == [1]
    assert store.stored_seqs("desa-2", "s1") == [(2, 2)]
    assert [entry.first_seq for entry in store.deliveries("desa-2")] == [2]
    assert [found.device for found in store.activity()] == ["desa-1", "desa-2"]
