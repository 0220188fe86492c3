"""What can be asked of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.storage.building import START_NS, arrival, batch, dns

from pantau_collector.storage.base import Batch, Delivery
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from pantau_collector.storage.base import Store

SECOND_NS = 1_000_000_000


@pytest.fixture
def ten(store: Store) -> Store:
    """A store with ten points, a second apart, written in no order."""
    store.write(batch(*(dns(seq) for seq in (7, 3, 10, 1, 5))))
    store.write(batch(*(dns(seq) for seq in (2, 9, 4, 8, 6))))
    return store


def _seqs(store: Store, **question: object) -> list[int]:
    return [point.seq for point in store.points("dns", "desa-1", **question)]


@pytest.mark.parametrize(
    ("question", "seqs"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"since_ns": START_NS + 8 * SECOND_NS}, [8, 9, 10]),
        ({"since_ns": START_NS + 8 * SECOND_NS + 1}, [9, 10]),
        ({"until_ns": START_NS + 3 * SECOND_NS}, [1, 2]),
        ({"until_ns": START_NS + 3 * SECOND_NS + 1}, [1, 2, 3]),
        ({"since_ns": START_NS + 4 * SECOND_NS, "until_ns": START_NS + 6 * SECOND_NS}, [4, 5]),
        ({"since_ns": START_NS + 6 * SECOND_NS, "until_ns": START_NS + 6 * SECOND_NS}, []),
        ({"newest": 3}, [8, 9, 10]),
        ({"newest": 0}, []),
        ({"newest": 99}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"newest": 2, "until_ns": START_NS + 6 * SECOND_NS}, [4, 5]),
        ({"where": {"name": "example.id"}, "newest": 1}, [10]),
        ({"where": {"name": "elsewhere.id"}}, []),
    ],
)
def test_points_by_time_and_key(ten: Store, question: dict[str, object], seqs: list[int]):
    """`since` is included, `until` is not, the order is that of time, and `newest` takes from the end."""
    assert _seqs(ten, **question) == seqs


def test_where_takes_several_keys(store: Store):
    """Points are told apart by any of their key fields, in any order."""
    pairs = [("gateway", "icmp"), ("testpoint", "icmp"), ("testpoint", "stamp")]
    store.write(
        batch(
            *(
                arrival(Latency(target=target, method=method), seq=seq)
                for seq, (target, method) in enumerate(pairs, 1)
            )
        )
    )
    found = store.points("latency", "desa-1", where={"method": "stamp", "target": "testpoint"})
    assert [point.seq for point in found] == [3]
    found = store.points("latency", "desa-1", where={"target": "testpoint"})
    assert sorted(point.seq for point in found) == [2, 3]


def test_where_takes_keys_only(ten: Store):
    """A question by a field that is no key is a mistake of the caller's, and no answer of zero points."""
    with pytest.raises(ValueError, match="dns can be asked by resolver, name only"):
        ten.points("dns", "desa-1", where={"resolve_ms": 1.0})


def test_unknown_devices_have_nothing(ten: Store):
    """A device that never delivered has no points, no activity, no deliveries and no numbers."""
    assert ten.points("dns", "desa-9") == []
    assert ten.activity("desa-9") == []
    assert ten.deliveries("desa-9") == []
    assert ten.stored_seqs("desa-9", "s1") == []


def test_stored_seqs_are_merged_ranges(store: Store):
    """The numbers of a spool come as ranges, over all kinds, and without those of another spool."""
    latency = Latency(target="gateway", method="icmp")
    store.write(batch(dns(1), dns(2), arrival(latency, seq=3), dns(5), arrival(latency, seq=9, at_s=9)))
    assert store.stored_seqs("desa-1", "s1") == [(1, 3), (5, 5), (9, 9)]
    assert store.stored_seqs("desa-1", "s2") == []


def test_activity_names_first_and_last(store: Store):
    """Activity says how many points of each kind there are, and of when the oldest and newest is."""
    latency = Latency(target="gateway", method="icmp")
    store.write(batch(dns(5), dns(9)))
    store.write(batch(dns(2), arrival(latency, seq=3, at_s=20)))
    (found,) = store.activity("desa-1")
    assert (found.first_time_ns, found.last_time_ns) == (START_NS + 2 * SECOND_NS, START_NS + 20 * SECOND_NS)
    assert found.counts == {"dns": 3, "latency": 1}


def test_deliveries_since(store: Store):
    """Deliveries are listed in order of arrival, from an instant on."""
    entries = [Delivery("desa-1", "s1", seq, seq, "received", START_NS + 10 - seq) for seq in range(1, 6)]
    store.write(Batch(deliveries=entries))
    assert store.deliveries("desa-1") == entries[::-1]
    assert store.deliveries("desa-1", START_NS + 8) == entries[1::-1]
