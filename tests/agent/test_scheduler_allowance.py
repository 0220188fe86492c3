"""What the scheduler asks before a run: the line, the data budget, and what was taken before a restart."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time

from tests.agent.support.device import until
from tests.agent.support.scheduling import GOOD, good, job, running

from pantau_agent.budget.policy import Answer, Cost
from pantau_agent.probes.base import Context
from pantau_agent.schedules import Daily
from pantau_agent.strata import Strata, Window
from pantau_wire.fields import Http, Speed

HEAVY = Cost(heavy=True, first_bytes=100)
SPEED = Speed(engine="http", download_goodput_bps=1.0)


class Gate:
    """A budget that answers what the test wants, and notes who asked."""

    def __init__(self, answer):
        self.answer, self.asked, self.open_count = answer, [], 0

    @contextlib.asynccontextmanager
    async def run_of(self, job, purpose, cost):
        self.asked.append((job, purpose, cost))
        self.open_count += 1
        try:
            yield self.answer
        finally:
            self.open_count -= 1


async def test_what_the_budget_withholds_is_recorded():
    """Not silence: a speed measurement that says `budget`, twice; and the probe is not started."""
    started = []

    async def probe(target, context):
        started.append(1)
        return SPEED

    gate = Gate(Answer(withheld="it is spent"))
    speed = job(probe, name="speed-ndt7", blank=Speed(engine="ndt7"), line="loads", cost=HEAVY)
    async with running(speed, gate=gate) as measured:
        await until(lambda: len(measured) >= 2)
    found = measured[0][1]
    assert (found.failure, found.limited_by, found.failure_detail) == ("budget", "budget", "it is spent")
    assert (found.engine, found.download_goodput_bps) == ("ndt7", None)
    assert gate.asked[0] == ("speed-ndt7", "speed", HEAVY)
    assert not started


async def test_a_page_that_the_budget_withholds_is_recorded_too():
    gate = Gate(Answer(withheld="it is spent"))
    page = job(good, name="http-x", blank=Http(page="https://x.id/"), line="avoids", cost=Cost(heavy=False))
    async with running(page, gate=gate) as measured:
        await until(lambda: measured)
    assert (measured[0][1].failure, measured[0][1].page) == ("budget", "https://x.id/")


async def test_what_is_left_bounds_the_run_and_its_bytes_are_the_probes_own():
    """The context carries the bytes left; the reservation stands while the probe runs, however it ends."""
    seen = []
    gate = Gate(Answer(max_bytes=4_321))

    async def probe(target, context):
        seen.append((context.max_bytes, gate.open_count))
        context.test_traffic.add("eth0", rx_bytes=7)
        raise RuntimeError

    context = Context()
    speed = job(probe, blank=Speed(engine="http"), line="loads", cost=HEAVY)
    async with running(speed, gate=gate, context=context) as measured:
        await until(lambda: measured)
        assert seen[0] == (4_321, 1)
        assert context.test_traffic.by_purpose()["speed"][0] >= 7
    assert gate.open_count == 0


async def test_jobs_without_a_cost_are_not_asked_for():
    gate = Gate(Answer(withheld="everything"))
    async with running(job(good), gate=gate) as measured:
        await until(lambda: len(measured) >= 3)
    assert gate.asked == []
    assert all(one.failure is None for _, one in measured)


async def test_only_one_engine_tests_at_a_time_and_waiting_is_not_its_time():
    """Two engines are due at once, each as long as its time-out nearly allows: neither fails by the other."""
    at_work, most = [], []

    async def probe(target, context):
        context.begins()
        at_work.append(1)
        most.append(len(at_work))
        await asyncio.sleep(0.9)
        at_work.pop()
        return SPEED

    engines = [
        job(probe, name=name, blank=Speed(engine="http"), line="loads", timeout_s=2.5, period_s=60)
        for name in ("speed", "speed-ndt7", "speed-iperf3")
    ]
    async with running(*engines) as measured:
        await until(lambda: len(measured) == 3)
    assert max(most) == 1
    assert [one.failure for _, one in measured] == [None] * 3
    assert all(0.8 < one.duration_s < 2.5 for _, one in measured)


async def test_the_line_is_loaded_from_when_the_test_begins_until_its_queues_are_empty():
    """While a probe still waits (for a busy server, say) others measure on; right after its end not yet."""
    context = Context()
    seen = []

    async def probe(target, inner):
        seen.append(context.line.loaded)
        inner.begins()
        seen.append(context.line.loaded)
        return SPEED

    speed = job(probe, blank=Speed(engine="http"), line="loads", period_s=60)
    async with running(speed, context=context) as measured:
        await until(lambda: measured)
        assert seen == [False, True]
        assert context.line.loaded
        await until(lambda: not context.line.loaded)


async def test_pages_and_names_wait_for_the_end_of_a_load():
    """Or their times would tell of our own test."""
    context, loaded = Context(), []

    async def heavy(target, inner):
        inner.begins()
        await asyncio.sleep(0.5)
        return SPEED

    async def light(target, inner):
        loaded.append(context.line.loaded)
        return GOOD

    speed = job(heavy, name="speed", blank=Speed(engine="http"), line="loads", period_s=60)
    async with running(speed, job(light, line="avoids", period_s=0.05), context=context) as measured:
        await until(lambda: len(measured) >= 5)
    assert not any(loaded)


async def test_a_days_run_is_remembered_before_it_begins():
    """A test that takes the machine down with it must not do so at each start."""
    noted = []

    class Notebook:
        def taken(self, job):
            return [f"{day}/peak/0" for day in (dt.date(2026, 11, 21), dt.date(2026, 11, 22))]

        async def take(self, job, run):
            noted.append((job, run))

    async def probe(target, context):
        noted.append("began")
        return GOOD

    strata = Strata("desa-1", "http", 2, Window.parse("00:00-12:00"), 0.5)
    slots = {slot.key.split("/")[1]: slot for slot in strata.slots(dt.date(2026, 11, 22))}
    off_peak_s = dt.datetime(2026, 11, 22, tzinfo=dt.UTC).timestamp() + slots["off-peak"].due_s
    began = time.monotonic()

    def utc_s():
        return off_peak_s - 0.2 + time.monotonic() - began

    daily = job(probe, name="speed", schedule=Daily(strata, dt.UTC))
    async with running(daily, memory=Notebook(), utc_s=utc_s) as measured:
        await until(lambda: measured)
    assert noted == [("speed", "2026-11-22/off-peak/0"), "began"]
    assert time.monotonic() - began >= 0.2
