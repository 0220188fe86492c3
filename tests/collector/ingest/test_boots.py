"""One device on two machines at once is noticed; whatever a single machine does is not."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.collector.ingest.envelopes import START_NS, envelope_of
from tests.collector.ingest.test_limits import EVERYONE

from pantau_collector.config import IngestConfig
from pantau_collector.ingest.admission import Admission
from pantau_collector.ingest.boots import Boot, BootWatch
from pantau_collector.ingest.sorting import Message
from pantau_collector.metrics import Metrics
from pantau_collector.storage.base import Arrival
from pantau_wire import codec
from pantau_wire.envelope import Record
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pantau_wire.fields import ClockState

S = 1_000_000_000
MINUTE_S = 60


def arrival(
    boot: str, began_s: float, at_s: float, clock: ClockState = "synced", spool: str = "s1"
) -> Arrival:
    """A record of a boot that began so many seconds after the start, measured at such a moment."""
    data = Dns(resolver="r", name="n")
    uptime_ns = round((at_s - began_s) * S)
    record = Record(seq=1, time_ns=START_NS + round(at_s * S), uptime_ns=uptime_ns, clock=clock, data=data)
    return Arrival("desa-1", spool, boot, record)


def at_once(watch: BootWatch, one: Arrival, device: str = "desa-1") -> tuple[Boot, Boot] | None:
    return watch.at_once(device, one.spool, one.boot, one.record)


def alarms(arrivals: list[Arrival]) -> int:
    watch = BootWatch()
    return sum(at_once(watch, one) is not None for one in arrivals)


def test_two_machines_on_one_spool_are_noticed_in_whatever_order_they_arrive() -> None:
    """A copied card: both go on measuring for an hour, on one spool id."""
    original = [arrival("boot-a", 0, at) for at in range(0, 2 * 3600, MINUTE_S)]
    copy = [arrival("boot-b", 3600, at) for at in range(3600, 2 * 3600, MINUTE_S)]
    assert alarms(original + copy) > 0
    assert alarms(copy + original) > 0
    assert alarms(list(itertools.chain(*zip(original[60:], copy, strict=True)))) > 0


def test_two_spool_ids_of_one_device_are_noticed_as_well() -> None:
    """A copy that knows it is one has a spool id of its own, and is still another machine."""
    watch = BootWatch()
    at_once(watch, arrival("boot-a", 0, 7200))
    found = at_once(watch, arrival("boot-b", 3600, 4500, spool="s2"))
    assert found is not None
    assert [(boot.boot, boot.spool) for boot in found] == [("boot-a", "s1"), ("boot-b", "s2")]


def test_a_backlog_of_the_boot_before_is_no_alarm() -> None:
    """Two weeks without a broker, five restarts: live data first, then all the rest."""
    boots = [(f"boot-{number}", number * 86_400) for number in range(5)]
    sent = [
        arrival(boot, began, began + at) for boot, began in reversed(boots) for at in range(0, 86_000, 3600)
    ]
    assert alarms(sent) == 0


def test_a_card_that_was_moved_is_no_alarm() -> None:
    """The first machine is off when the second one starts."""
    sent = [arrival("boot-a", 0, at) for at in range(0, 3600, MINUTE_S)]
    sent += [arrival("boot-b", 3660, at, spool="s2") for at in range(3700, 7200, MINUTE_S)]
    assert alarms(sent) == 0


@pytest.mark.parametrize("clock", ["estimated", "unsynced"])
def test_times_that_are_guessed_accuse_nobody(clock: ClockState) -> None:
    sent = [
        arrival("boot-a", 0, 7200, clock),
        arrival("boot-b", 3600, 3700),
        arrival("boot-a", 0, 7300, clock),
    ]
    assert alarms(sent) == 0


@given(
    lengths_s=st.lists(st.integers(60, 100_000), min_size=1, max_size=6),
    error_s=st.floats(-250, 250),
    seed=st.integers(0, 1000),
)
def test_one_machine_never_raises_an_alarm(lengths_s: list[int], error_s: float, seed: int) -> None:
    """Any restarts, any order of arrival, clocks that were minutes off in one boot."""
    starts = list(itertools.accumulate([0, *lengths_s]))
    sent = []
    for number, (began, length) in enumerate(zip(starts, lengths_s, strict=False)):
        off = error_s if number % 2 else 0.0
        sent += [
            arrival(f"boot-{number}", began + off, began + length * share / 10 + off) for share in range(10)
        ]
    random.Random(seed).shuffle(sent)
    assert alarms(sent) == 0


def test_memory_is_bounded() -> None:
    """Three boots of a device, and so many devices."""
    watch = BootWatch(max_devices=10)
    for number in range(100):
        for boot in range(20):
            at_once(watch, arrival(f"boot-{boot}", boot * 100, boot * 100 + 1), f"desa-{number}")
    assert len(watch) == 10
    assert all(len(boots) <= 3 for boots in watch._devices.values())


def test_the_alarm_is_a_count_and_a_line_an_hour() -> None:
    """Whoever looks at the metrics sees that it goes on; the log says which device, spools and boots."""
    metrics = Metrics()
    admission = Admission(EVERYONE, IngestConfig(), metrics, lambda: 1000.0)
    with capture_logs() as logs:
        for at_s in range(7200, 7260, 10):
            _send(admission, "boot-a", 0, at_s)
            _send(admission, "boot-b", 3600, at_s)
    told = [entry for entry in logs if entry["event"] == "ingest.two_machines"]
    assert [(entry["device"], entry["boots"]) for entry in told] == [("desa-1", ["boot-a", "boot-b"])]
    assert metrics._registry.get_sample_value("pantau_ingest_two_machines_total") == 11


def _send(admission: Admission, boot: str, began_s: int, at_s: int) -> None:
    record = codec.encode_record(
        seq=1,
        time_ns=START_NS + at_s * S,
        uptime_ns=(at_s - began_s) * S,
        clock="synced",
        data=codec.encode_measurement(Dns(resolver="r", name="n")),
    )
    payload, content_type = envelope_of(record, boot=boot)
    assert admission.sort(
        Message("pantau/v1/desa-1/measurements", payload, content_type), START_NS + 8000 * S
    )
