"""Days without a network and without time, then both come back: what a village's outage looks like."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from tests.agent.support.collector import Collector
from tests.agent.support.device import Device, open_spool, running, until
from tests.fakes import brokers

from pantau_agent.clock import Stamp
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import codec, ranges
from pantau_wire.fields import Dns

S = 1_000_000_000
NAME = "desa-1"
DAYS = 4
PER_HOUR = 120
OLD_COUNT = DAYS * 24 * PER_HOUR
RATE_PER_S = 2500.0


class LongAway:
    """A clock without battery. Days pass in it at once, seconds as they do."""

    def __init__(self) -> None:
        self._passed_ns = 0
        self._began_ns = time.monotonic_ns()

    def let_pass(self, seconds: float) -> None:
        self._passed_ns += int(seconds * S)

    @property
    def uptime_ns(self) -> int:
        return self._passed_ns + time.monotonic_ns() - self._began_ns

    def read(self) -> Stamp:
        return Stamp(17 * S + self.uptime_ns, self.uptime_ns, "boot-long-away", "unsynced")


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


@contextlib.asynccontextmanager
async def committing(device: Device, clock: LongAway, live: dict[int, float]):
    """Measure and commit some times a second, as the agent does once a minute; note when in `live`."""

    async def work() -> None:
        while True:
            stamp = clock.read()
            live[stamp.uptime_ns] = time.monotonic()
            device.spool.put(stamp, measurement("live"))
            await asyncio.to_thread(device.spool.commit)
            device.publisher.committed()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def measurement(name: str) -> bytes:
    return codec.encode_measurement(Dns(resolver="192.0.2.1", name=name, resolve_ms=12.5))


async def test_after_days_the_present_comes_first_and_the_past_at_its_rate(broker, tmp_path):
    """Nothing is lost or sent twice, every time is right to a second, live data waits for no backlog."""
    clock, live = LongAway(), {}
    keeper = Timekeeper(clock.read)
    spool = open_spool(tmp_path, timekeeper=keeper)
    for _ in range(OLD_COUNT):
        spool.put(clock.read(), measurement("old"))
        clock.let_pass(3600 / PER_HOUR)
    spool.commit()
    assert spool.state().waiting_count == OLD_COUNT
    patient = {"first_resend_s": 60, "max_resend_s": 60, "backlog_records_per_s": RATE_PER_S}
    device = Device(spool, NAME, broker.port, timekeeper=keeper, **patient)
    with Collector(broker.port, NAME) as collector:
        async with running(device), committing(device, clock, live):
            await until(lambda: keeper.known)
            began = time.monotonic()
            await until(lambda: sum(old_counts(collector)) == OLD_COUNT, "the backlog")
            took_s = time.monotonic() - began
        truth_ns = time.time_ns() - clock.uptime_ns
    # What was in the live lane is not held to the rate: the newest of what became sendable at once.
    assert took_s >= (OLD_COUNT - 3 * 500) / RATE_PER_S
    assert ranges.from_numbers(collector.seqs) == [(1, max(collector.seqs))]
    assert len(collector.seqs) == len(set(collector.seqs))
    for record in collector.records():
        assert record.clock == "repaired"
        assert abs(record.time_ns - record.uptime_ns - truth_ns) < 1 * S
    waits_s = sorted(waits_of_live(collector, live, began))
    assert len(waits_s) >= 10
    assert waits_s[len(waits_s) // 2] < took_s / 4
    spool.close()


def old_counts(collector: Collector) -> list[int]:
    return [
        sum(b'"old"' in data for data in envelope.records.values()) for envelope in list(collector.envelopes)
    ]


def waits_of_live(collector: Collector, live: dict[int, float], since: float) -> list[float]:
    """How long each live record took to arrive, of those measured while the backlog was on its way."""
    arrived = {seq: envelope.at for envelope in collector.envelopes for seq in envelope.records}
    measured = {
        record.seq: live[record.uptime_ns] for record in collector.records() if record.data.name == "live"
    }
    return [arrived[seq] - at for seq, at in measured.items() if at >= since]
