"""Everything may be delivered again: it changes nothing, and says so."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.collector.storage.building import START_NS, arrival, batch, dns, new_device, point_of
from tests.wire.examples import MEASUREMENTS
from tests.wire.strategies import thorough

from pantau_collector.storage.base import Batch, Delivery
from pantau_wire.fields import Dns, Latency

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Arrival, Store


def test_writing_again_changes_nothing(store: Store):
    """A batch of every kind that is written twice is counted as new once, and as repeated once."""
    sent = batch(*(arrival(data, seq=seq) for seq, data in enumerate(MEASUREMENTS.values(), 1)))
    first, second = store.write(sent), store.write(sent)
    assert (first.new_count, first.repeated_count, list(first.altered)) == (7, 0, [])
    assert (second.new_count, second.repeated_count, list(second.altered)) == (0, 7, [])
    assert store.stored_seqs("desa-1", "s1") == [(1, 7)]
    assert sum(store.activity("desa-1")[0].counts.values()) == 7


def test_new_points_among_repeated_ones(store: Store):
    """A batch that overlaps an earlier one adds what is new and leaves the rest."""
    store.write(batch(*map(dns, range(1, 6))))
    report = store.write(batch(*map(dns, range(3, 9))))
    assert (report.new_count, report.repeated_count, list(report.altered)) == (3, 3, [])
    assert store.points("dns", "desa-1") == [point_of(dns(seq)) for seq in range(1, 9)]


def test_twice_in_one_batch(store: Store):
    """A point that stands twice in one batch is stored once."""
    report = store.write(batch(dns(1), dns(1), dns(2)))
    assert (report.new_count, report.repeated_count, list(report.altered)) == (2, 1, [])
    assert store.activity("desa-1")[0].counts == {"dns": 2}


def test_altered_points_are_reported(store: Store):
    """Another value for a point that is stored is reported, and the stored value stays."""
    store.write(batch(dns(1), dns(2)))
    changed = dns(1, resolve_ms=99.0)
    report = store.write(batch(changed, dns(2), dns(3)))
    assert (report.new_count, report.repeated_count, list(report.altered)) == (1, 1, [changed])
    assert store.points("dns", "desa-1") == [point_of(dns(seq)) for seq in (1, 2, 3)]
    assert store.activity("desa-1")[0].counts == {"dns": 3}


def test_absent_and_zero_are_different_values(store: Store):
    """A repeat that says zero where nothing was measured is an altered one."""
    store.write(batch(arrival(Latency(target="testpoint", method="icmp"))))
    changed = arrival(Latency(target="testpoint", method="icmp", received_count=0))
    assert list(store.write(batch(changed)).altered) == [changed]


def test_altered_within_one_batch(store: Store):
    """Of two values for one point in one batch the first is stored, the second reported."""
    changed = dns(1, resolve_ms=99.0)
    report = store.write(batch(dns(1), changed))
    assert (report.new_count, list(report.altered)) == (1, [changed])
    assert store.points("dns", "desa-1") == [point_of(dns(1))]


def test_keys_and_time_make_the_point(store: Store):
    """Points that differ in a key field or in a nanosecond only are two points."""
    store.write(batch(arrival(Dns(resolver="10.0.0.1", name="a.id"))))
    others = [
        arrival(Dns(resolver="10.0.0.1", name="A.id"), seq=2),
        arrival(Dns(resolver="10.0.0.2", name="a.id"), seq=3),
        arrival(Dns(resolver="10.0.0.1", name="a.id"), seq=4, at_s=1e-9),
    ]
    assert store.write(batch(*others)).new_count == 3


def test_deliveries_are_idempotent(store: Store):
    """What became of a range is kept once, with the time it first came."""
    entry = Delivery("desa-1", "s1", 1, 9, "received", START_NS)
    again = Delivery("desa-1", "s1", 1, 9, "received", START_NS + 5)
    store.write(Batch(deliveries=[entry, entry]))
    store.write(Batch(deliveries=[again]))
    assert store.deliveries("desa-1") == [entry]


SMALL = st.lists(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from([1.0, 2.0])), max_size=8),
    max_size=6,
)


def test_a_store_is_a_dictionary(reopen: Callable[[], Store]):
    """Under any sequence of batches, repeats and alterations a store counts and keeps what a dict would."""
    store = reopen()

    @thorough
    @given(SMALL)
    def check(batches: list[list[tuple[str, int, float]]]):
        device = new_device()
        model: dict[tuple[str, int], Arrival] = {}
        for entries in batches:
            sent = [_measured(device, *entry) for entry in entries]
            report = store.write(batch(*sent))
            said = (report.new_count, report.repeated_count, Counter(report.altered))
            assert said == _expected(model, sent)
        _check_activity(store, device, model)
        found = {(point.kind, point.time_ns): point for point in _all_points(store, device)}
        assert found == {key: point_of(one) for key, one in model.items()}

    check()


def _measured(device: str, what: str, at_s: int, value: float) -> Arrival:
    data = Dns(resolver="r", name="n", resolve_ms=value)
    if what == "b":
        data = Latency(target="gateway", method="icmp", rtd_min_ms=value)
    return arrival(data, device=device, seq=at_s + 1, at_s=at_s)


def _identity(one: Arrival) -> tuple[str, int]:
    return ("dns" if isinstance(one.record.data, Dns) else "latency"), one.record.time_ns


def _expected(
    model: dict[tuple[str, int], Arrival], sent: list[Arrival]
) -> tuple[int, int, Counter[Arrival]]:
    """What a report must say, in whatever order; brings the model up to date."""
    new, repeated = 0, 0
    altered: Counter[Arrival] = Counter()
    for one in sent:
        known = model.setdefault(_identity(one), one)
        new += known is one
        if known is not one:
            repeated += known.record.data == one.record.data
            altered[one] += known.record.data != one.record.data
    return new, repeated, altered


def _check_activity(store: Store, device: str, model: dict[tuple[str, int], Arrival]) -> None:
    times = [time_ns for _, time_ns in model]
    counts = {kind: sum(key[0] == kind for key in model) for kind, _ in model}
    expected = [(device, min(times), max(times), counts)] if model else []
    assert [
        (found.device, found.first_time_ns, found.last_time_ns, dict(found.counts))
        for found in store.activity(device)
    ] == expected


def _all_points(store: Store, device: str):
    return [point for kind in ("dns", "latency") for point in store.points(kind, device)]
