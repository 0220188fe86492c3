"""How much one device may send, and how many names it may use; and that counting it is bounded too."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.collector.ingest.envelopes import START_NS, bad_record, envelope, envelope_of, record

from pantau_collector.config import IngestConfig
from pantau_collector.ingest.admission import Admission
from pantau_collector.ingest.limits import MAX_DEVICES, RateLimiter
from pantau_collector.ingest.sorting import Message, Rules, Sorted
from pantau_collector.metrics import Metrics
from pantau_wire import codec
from pantau_wire.envelope import Dropped
from pantau_wire.fields import Dns, Http

if TYPE_CHECKING:
    import msgspec

NOW_NS = START_NS + 3600 * 10**9
DAY_NS = 86_400 * 10**9
EVERYONE = Rules(lambda _: True, unregistered_retry_s=300.0, newer_agent_retry_s=3600.0)
# Of each a second's worth, ten seconds long: ten envelopes, 20,000 bytes, 1,000 records.
SMALL = IngestConfig.model_construct(
    device_envelopes_per_s=1.0,
    device_kb_per_s=2.0,
    device_records_per_s=100.0,
    device_burst_s=10.0,
    device_keys=4,
)


class Gate:
    """An admission with a clock that stands still until it is moved."""

    def __init__(self, config: IngestConfig = SMALL) -> None:
        self.now_s = 1000.0
        self.now_ns = NOW_NS
        self.metrics = Metrics()
        self.admission = Admission(EVERYONE, config, self.metrics, lambda: self.now_s)

    def send(self, payload: bytes, content_type: str | None = codec.JSON, device: str = "d") -> Sorted | None:
        message = Message(f"pantau/v1/{device}/measurements", payload, content_type)
        return self.admission.sort(message, self.now_ns)

    def send_good(self, *seqs: int, device: str = "d") -> Sorted | None:
        return self.send(*envelope(seqs, device=device), device)

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics._registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def gate() -> Gate:
    return Gate()


def outcome(found: Sorted | None) -> str:
    if found is None:
        return "unanswered"
    return "deferred" if found.deferred else "taken"


def test_too_many_envelopes_are_deferred(gate: Gate):
    """What exceeds the burst is told to come back when all of it is there again; nothing is kept of it."""
    assert [outcome(gate.send_good(seq)) for seq in range(1, 11)] == ["taken"] * 10
    found = gate.send_good(11, 12)
    (entry,) = found.deferred
    assert (entry.first_seq, entry.last_seq, entry.reason, entry.retry_after_s) == (11, 12, "rate_limit", 10)
    assert found.spool == "s1"
    assert not any((found.records, found.deliveries, found.dead_letters))
    assert gate.metric("pantau_ingest_rate_limited_total", limit="envelopes") == 1


def test_the_allowance_comes_back(gate: Gate):
    """After a second there is a second's worth, after the burst's length all of it."""
    for seq in range(1, 12):
        gate.send_good(seq)
    gate.now_s += 1
    assert [outcome(gate.send_good(seq)) for seq in (20, 21)] == ["taken", "deferred"]
    gate.now_s += 10
    assert [outcome(gate.send_good(seq)) for seq in range(30, 41)] == ["taken"] * 10 + ["deferred"]


def test_nobody_elses_allowance_is_touched(gate: Gate):
    """While one device floods, another one is taken as ever."""
    for seq in range(1, 200):
        gate.send_good(seq)
    assert outcome(gate.send_good(1, device="other")) == "taken"


def test_who_goes_on_is_not_answered(gate: Gate):
    """After some answers the excess is passed over; it costs neither a look into it nor a message."""
    outcomes = [outcome(gate.send_good(seq)) for seq in range(1, 101)]
    assert outcomes == ["taken"] * 10 + ["deferred"] * 10 + ["unanswered"] * 80
    assert gate.metric("pantau_ingest_unanswered_total") == 80


def test_bytes_are_counted_as_received(gate: Gate):
    """Large garbage exceeds the bytes before the envelopes, and becomes no dead letter then."""
    garbage = b"x" * 8000
    assert [outcome(gate.send(garbage)) for _ in range(3)] == ["taken", "taken", "unanswered"]
    assert gate.metric("pantau_ingest_rate_limited_total", limit="bytes") == 1


def test_records_are_counted_good_and_bad(gate: Gate):
    """Small envelopes that hold much are deferred whole, their bad records too."""
    half = [record(seq) for seq in range(1, 251)] + [bad_record(seq) for seq in range(251, 501)]
    assert outcome(gate.send(*envelope_of(*half, device="d"))) == "taken"
    assert outcome(gate.send(*envelope_of(*half, device="d"))) == "taken"
    found = gate.send(*envelope_of(*half, device="d"))
    (entry,) = found.deferred
    assert (entry.first_seq, entry.last_seq, entry.reason) == (1, 500, "rate_limit")
    assert not any((found.records, found.dead_letters, found.rejected, found.deliveries))
    assert gate.metric("pantau_ingest_rate_limited_total", limit="records") == 1


def test_dropped_ranges_are_counted(gate: Gate):
    """Announcements of losses make rows too, and come out of the same allowance."""
    lost = tuple(Dropped(first_seq=at, last_seq=at, reason="spool_full") for at in range(1, 451))
    outcomes = [outcome(gate.send(*envelope([seq], device="d", dropped=lost))) for seq in (501, 502, 503)]
    assert outcomes == ["taken", "taken", "deferred"]


def test_topics_of_no_device_share_one_allowance(gate: Gate):
    """Inventing topics, where the broker lets one, is no way around the limit."""
    outcomes = [outcome(gate.send(b"x", device=f"collector-{number}")) for number in range(12)]
    assert outcomes == ["taken"] * 10 + ["unanswered"] * 2


def test_the_log_names_who_it_is_once(gate: Gate):
    """A flood is one line an hour, with the device in it."""
    with capture_logs() as logs:
        for seq in range(1, 100):
            gate.send_good(seq)
        gate.now_s += 3601
        for seq in range(1, 100):
            gate.send_good(seq)
    named = [(entry["event"], entry["device"], entry["limit"]) for entry in logs]
    assert named == [("ingest.rate_limited", "d", "envelopes")] * 2


def test_a_backlog_at_the_agents_own_pace_is_never_limited():
    """A backlog at 50 records/s in envelopes of 100, begun with a whole window, is taken."""
    gate = Gate(IngestConfig())
    first = 1
    for _ in range(8):
        assert outcome(gate.send(*envelope(range(first, first + 100), device="d"))) == "taken"
        first += 100
    for _ in range(500):
        gate.now_s += 2.0
        assert outcome(gate.send(*envelope(range(first, first + 100), device="d"))) == "taken"
        first += 100


def test_the_idle_are_forgotten():
    """Who has all of the allowance again costs no memory, however many they are."""
    limiter = RateLimiter(IngestConfig())
    for number in range(10_000):
        assert limiter.exceeded(f"desa-{number}", 1000, now_s=number * 0.1) is None
    assert len(limiter) < 10


def test_all_devices_of_a_nation_at_once_take_bounded_memory():
    """A quarter of a million devices in one instant are counted; more push out those who came first."""
    limiter = RateLimiter(IngestConfig())
    tracemalloc.start()
    try:
        for number in range(MAX_DEVICES + 10_000):
            assert limiter.exceeded(f"desa-{number}", 1000, now_s=5.0) is None
        used_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(limiter) == MAX_DEVICES
    assert used_bytes < 100_000_000
    print(f"{used_bytes / 1e6:.0f} MB for {MAX_DEVICES} devices")  # noqa: T201 - the figure of the docs


def named(seq: int, name: str) -> msgspec.Raw:
    return record(seq, codec.encode_measurement(Dns(resolver="r", name=name)))


def test_a_device_that_invents_names_is_bounded(gate: Gate):
    """Of ten names four are stored; the others are rejected, kept as dead letters, and can be replayed."""
    found = gate.send(*envelope_of(*(named(seq, f"n{seq}") for seq in range(1, 11)), device="d"))
    assert [record.seq for record in found.records] == [1, 2, 3, 4]
    assert (found.received, [entry.seq for entry in found.rejected]) == ([(1, 4)], [5, 6, 7, 8, 9, 10])
    assert {entry.reason for entry in found.rejected} == {
        "too_many_keys: more than 4 different keys in a day"
    }
    assert [(entry.first_seq, entry.last_seq, entry.state) for entry in found.deliveries] == [
        (1, 4, "received"),
        *((seq, seq, "rejected") for seq in range(5, 11)),
    ]
    assert [letter.reason for letter in found.dead_letters] == ["too_many_keys"] * 6
    for letter, seq in zip(found.dead_letters, range(5, 11), strict=True):
        (again,) = codec.decode_envelope(letter.payload, letter.content_type, NOW_NS).records
        assert (again.seq, again.data.name) == (seq, f"n{seq}")


def test_known_names_are_taken_for_ever(gate: Gate):
    """A device whose keys are all used up goes on with those that it has, in every envelope."""
    gate.send(*envelope_of(*(named(seq, f"n{seq}") for seq in range(1, 11)), device="d"))
    found = gate.send(*envelope_of(*(named(seq, f"n{seq % 4 + 1}") for seq in range(20, 30)), device="d"))
    assert (len(found.records), len(found.dead_letters)) == (10, 0)


def test_another_kind_is_another_key_and_another_device_another_count(gate: Gate):
    """Keys are told apart by kind, and counted for each device."""
    page = codec.encode_measurement(Http(page="n1"))
    sent = [named(seq, f"n{seq}") for seq in range(1, 5)]
    assert not gate.send(*envelope_of(*sent, device="d")).dead_letters
    assert len(gate.send(*envelope_of(record(5, page), device="d")).dead_letters) == 1
    assert not gate.send(*envelope_of(record(5, page), device="e"), device="e").dead_letters


def test_keys_are_counted_anew_each_day(gate: Gate):
    """A device that changes its targets is not held to yesterday's."""
    gate.send(*envelope_of(*(named(seq, f"n{seq}") for seq in range(1, 5)), device="d"))
    gate.now_ns += DAY_NS
    found = gate.send(*envelope_of(*(named(seq, f"m{seq}") for seq in range(1, 6)), device="d"))
    assert len(found.records) == 4


def test_a_number_that_stands_twice_loses_nothing(gate: Gate):
    """Where two records have one number, and one of them is a key too many, both are kept somewhere."""
    sent = [named(seq, f"n{seq}") for seq in (1, 2, 3, 4)] + [named(4, "x")]
    found = gate.send(*envelope_of(*sent, device="d"))
    assert [record.data.name for record in found.records] == ["n1", "n2", "n3", "n4"]
    assert len(found.dead_letters) == 1
