"""The traffic probe: no byte lost between periods, resets left out, own tests subtracted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.loopback import send_over_loopback

from pantau_agent.probes.base import Context
from pantau_agent.probes.traffic import TrafficProbe, TrafficTarget
from pantau_agent.probes.traffic.host import HostCounters

TARGET = TrafficTarget(interface="eth0", period_s=60, sample_s=10)


@dataclass
class Line:
    """A clock that moves when one sleeps, and an interface on which each sleep brings the next bytes."""

    steps: list[tuple[int, int]]
    context: Context = field(default_factory=Context)
    rx: int = 1000
    tx: int = 2000
    now_s: float = 5000.0
    present: bool = True

    def counters(self) -> dict[str, HostCounters]:
        return {"eth0": HostCounters(self.rx, self.tx)} if self.present else {}

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.steps:
            self.step(*self.steps.pop(0))

    def step(self, rx: int, tx: int) -> None:
        self.rx += rx
        self.tx += tx

    def probe(self) -> TrafficProbe:
        return TrafficProbe(self.counters, self.clock, self.sleep)


def pause(line: Line, seconds: float, rx: int = 0, tx: int = 0) -> None:
    """Let time and bytes go by between two calls."""
    line.now_s += seconds
    line.step(rx, tx)


async def test_rates_are_bytes_over_the_time_that_passed() -> None:
    line = Line([(1_000_000, 0)] + [(0, 500_000)] * 5)
    found = await line.probe()(TARGET, line.context)
    assert (found.rx_bytes, found.tx_bytes, found.sample_count) == (1_000_000, 2_500_000, 6)
    assert found.rx_rate_bps == pytest.approx(8 * 1_000_000 / 60)
    assert found.rx_peak_bps == pytest.approx(8 * 1_000_000 / 10)
    assert found.tx_peak_bps == pytest.approx(8 * 500_000 / 10)
    assert found.duration_s == 60
    assert found.failure is None


async def test_the_actual_time_counts_when_a_sleep_lasts_longer() -> None:
    line = Line([(1_200_000, 0)])

    async def oversleep(seconds: float) -> None:
        await line.sleep(seconds * 2)

    found = await TrafficProbe(line.counters, line.clock, oversleep)(
        TrafficTarget(interface="eth0", period_s=10, sample_s=10), line.context
    )
    assert found.rx_rate_bps == pytest.approx(8 * 1_200_000 / 20)


amounts = st.integers(min_value=0, max_value=2**40)
sleeps = st.lists(st.tuples(amounts, amounts), min_size=30, max_size=30)
gaps = st.lists(st.tuples(st.floats(0, 59), amounts, amounts), min_size=1, max_size=4)


@settings(deadline=None)
@given(sleeps, gaps)
def test_no_byte_is_lost_between_periods(
    steps: list[tuple[int, int]], between: list[tuple[float, int, int]]
) -> None:
    """Whatever comes, also between two calls: the periods' bytes add up to what the counters grew by."""

    async def run() -> None:
        line = Line(list(steps))
        probe = line.probe()
        found = [await probe(TARGET, line.context)]
        for gap in between:
            pause(line, *gap)
            found.append(await probe(TARGET, line.context))
        assert sum(period.rx_bytes or 0 for period in found) == line.rx - 1000
        assert sum(period.tx_bytes or 0 for period in found) == line.tx - 2000
        assert sum(period.duration_s or 0 for period in found) == pytest.approx(line.now_s - 5000)

    asyncio.run(run())


async def test_periods_form_a_grid() -> None:
    line = Line([])
    probe = line.probe()
    await probe(TARGET, line.context)
    pause(line, 3)
    await probe(TARGET, line.context)
    assert line.now_s == pytest.approx(5000 + 120)


async def test_after_a_long_silence_a_period_begins_anew() -> None:
    line = Line([])
    probe = line.probe()
    await probe(TARGET, line.context)
    pause(line, 3600, rx=10**9)
    assert (await probe(TARGET, line.context)).rx_bytes == 0


async def test_a_sample_with_a_reset_is_left_out_and_counted() -> None:
    line = Line([(600, 600), (-1100, 600), (600, 600), (600, 600), (600, -4000), (600, 600)])
    found = await line.probe()(TARGET, line.context)
    assert (found.rx_bytes, found.sample_count, found.counter_reset_count) == (2400, 4, 2)
    assert found.duration_s == 40
    assert found.rx_rate_bps == pytest.approx(2400 * 8 / 40)


async def test_only_resets_is_a_failure_without_numbers() -> None:
    line = Line([(-10, 0)] * 6)
    found = await line.probe()(TARGET, line.context)
    assert found.failure == "unreachable"
    assert found.rx_bytes is None
    assert found.rx_rate_bps is None
    assert found.counter_reset_count == 6


@given(st.lists(st.tuples(amounts, amounts), min_size=6, max_size=6), amounts)
def test_own_tests_are_reported_beside_and_leave_the_rate(
    steps: list[tuple[int, int]], own_bytes: int
) -> None:
    async def run() -> None:
        line = Line(list(steps))

        async def sleep(seconds: float) -> None:
            await line.sleep(seconds)
            line.context.test_traffic.add("eth0", rx_bytes=own_bytes)
            line.context.test_traffic.add("lo", rx_bytes=10**9, tx_bytes=10**9)

        found = await TrafficProbe(line.counters, line.clock, sleep)(TARGET, line.context)
        received = sum(rx for rx, _ in steps)
        assert found.rx_bytes == received
        assert found.test_rx_bytes == own_bytes * 6
        assert found.test_tx_bytes == 0
        assert found.rx_rate_bps == pytest.approx(max(received - own_bytes * 6, 0) * 8 / 60)
        assert (found.rx_peak_bps or 0) >= 0

    asyncio.run(run())


async def test_an_interface_that_is_not_there_is_unreachable() -> None:
    line = Line([], present=False)
    found = await line.probe()(TARGET, line.context)
    assert found.failure == "unreachable"
    assert found.failure_detail == "there is no interface eth0"
    assert found.rx_bytes is None


async def test_an_interface_that_vanishes_keeps_what_was_measured() -> None:
    line = Line([(700, 70)])

    async def sleep(seconds: float) -> None:
        line.present = bool(line.steps)
        await line.sleep(seconds)

    line.steps.append((1, 1))
    found = await TrafficProbe(line.counters, line.clock, sleep)(TARGET, line.context)
    assert found.failure == "unreachable"
    assert found.rx_bytes == 701


async def test_real_bytes_over_the_loopback_are_seen() -> None:
    size = 3_000_000
    target = TrafficTarget(interface="lo", period_s=0.6, sample_s=0.2)
    watch = asyncio.create_task(TrafficProbe()(target, Context()))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(send_over_loopback, size)
    found = await watch
    assert found.rx_bytes is not None
    assert found.rx_bytes >= size
    assert found.rx_peak_bps is not None
    assert found.rx_rate_bps is not None
    assert found.rx_peak_bps >= found.rx_rate_bps > 0


async def test_without_a_name_some_interface_is_watched() -> None:
    found = await TrafficProbe()(TrafficTarget(period_s=0.1, sample_s=0.1), Context())
    assert found.failure is None
    assert found.interface


@pytest.mark.parametrize(("period_s", "sample_s"), [(10, 11), (10, 0), (0, 0)])
def test_a_target_that_could_not_sample_is_refused(period_s: float, sample_s: float) -> None:
    with pytest.raises(ValueError, match="sample_s"):
        TrafficTarget(period_s=period_s, sample_s=sample_s)
