"""What is measured in one span of time, of all devices or of some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.collector.storage.building import START_NS, arrival, batch, dns, point_of

from pantau_collector.storage.base import Batch, Delivery, SeriesRow
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from pantau_collector.storage.base import Store

SECOND_NS = 1_000_000_000


def test_a_window_of_all_devices(store: Store):
    """Every device's points of the kind come, device by device, in time, without those outside."""
    arrivals = [dns(seq, device=device) for device in ("desa-b", "desa-a", "desa-c") for seq in range(1, 10)]
    store.write(batch(*arrivals, arrival(Latency(target="gateway", method="icmp"), seq=99, at_s=4)))
    found = list(store.window("dns", START_NS + 3 * SECOND_NS, START_NS + 6 * SECOND_NS))
    assert found == [
        point_of(dns(seq, device=device)) for device in ("desa-a", "desa-b", "desa-c") for seq in (3, 4, 5)
    ]


def test_a_window_of_some_devices(store: Store):
    """Only the devices that were asked for come, also where there are very many of them."""
    devices = [f"desa-{at:03}" for at in range(450)]
    store.write(batch(*(dns(1, device=device) for device in devices)))
    some = [*devices[::2], "never-heard-of"]
    found = list(store.window("dns", START_NS, START_NS + 2 * SECOND_NS, some))
    assert [point.device for point in found] == devices[::2]
    assert list(store.window("dns", START_NS, START_NS + 2 * SECOND_NS, [])) == []


def test_an_empty_window(store: Store):
    """Where nothing was measured there is nothing, whether the store is empty or not."""
    assert list(store.window("dns", 0, 2**62)) == []
    store.write(batch(dns(5)))
    assert list(store.window("dns", START_NS, START_NS + 5 * SECOND_NS)) == []
    assert list(store.window("latency", 0, 2**62)) == []


def test_points_of_several_keys_are_in_time(store: Store):
    """A device's points come in time even where they belong to different keys of the kind."""
    for seq, target in ((1, "gateway"), (2, "testpoint"), (3, "gateway")):
        store.write(batch(arrival(Latency(target=target, method="icmp"), seq=seq, at_s=seq)))
    found = list(store.window("latency", START_NS, START_NS + 9 * SECOND_NS))
    assert [point.seq for point in found] == [1, 2, 3]


def test_the_span_of_what_there_is(store: Store):
    """A kind, a series and the deliveries say of when the oldest and the newest is; nothing where none is."""
    names = ("dns", "late", "sla_month", "delivery")
    assert [store.span(name) for name in names] == [None] * 4
    store.write(batch(dns(5), dns(2, device="desa-b"), dns(9)))
    store.write_series(
        [SeriesRow("late", (f"desa-{at}",), START_NS + at, {"until_ns": at}) for at in (7, 3, 5)]
    )
    assert store.span("dns") == (START_NS + 2 * SECOND_NS, START_NS + 9 * SECOND_NS)
    assert store.span("late") == (START_NS + 3, START_NS + 7)
    assert store.span("sla_month") is None
    first_ns, last_ns = store.span("delivery")
    assert START_NS <= first_ns <= last_ns <= START_NS + SECOND_NS * 2


def test_devices_are_those_of_points_and_of_deliveries(store: Store):
    """A device of which everything was rejected has no points, and is known by its deliveries."""
    assert store.devices() == []
    store.write(batch(dns(1, device="desa-b")))
    store.write(Batch(deliveries=[Delivery("desa-a", "s1", 1, 9, "rejected", START_NS, "bad")]))
    assert store.devices() == ["desa-a", "desa-b"]
