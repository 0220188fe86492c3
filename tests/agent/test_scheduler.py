"""The scheduler: each probe at its own beat, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

from tests.agent.support.device import until
from tests.agent.support.scheduling import GOOD, good, job, running

from pantau_agent.probes.base import Context
from pantau_agent.scheduler import measure
from pantau_wire.fields import Dns


async def test_jobs_start_at_random_moments_inside_their_first_period():
    """A fleet that was powered on together must not measure together; the same seed gives the same starts."""
    starts = {}

    def named(name):
        async def probe(target, context):
            starts.setdefault(name, time.monotonic())
            return GOOD

        return job(probe, name=name, period_s=0.8, spread_ratio=1.0)

    began = time.monotonic()
    async with running(*[named(number) for number in range(6)], seed=5):
        await until(lambda: len(starts) == 6)
    rng = random.Random(5)
    expected = [rng.uniform(0, 0.8) for _ in range(6)]
    assert all(starts[number] - began >= expected[number] - 0.01 for number in range(6))
    assert sorted(starts, key=starts.__getitem__) == sorted(range(6), key=expected.__getitem__)


async def test_a_probe_that_fills_its_period_leaves_no_gap():
    """Traffic is counted from one sample to the next, so the next run begins where the last one ended."""
    spans = []

    async def probe(target, context):
        began = time.monotonic()
        await asyncio.sleep(0.101)
        spans.append((began, time.monotonic()))
        return GOOD

    async with running(job(probe, period_s=0.1)):
        await until(lambda: len(spans) >= 8)
    gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(spans)]
    assert sorted(gaps)[len(gaps) // 2] < 0.02


async def test_missed_beats_are_skipped():
    """A run of three and a half periods is followed by one, not by three that hurry after it."""
    begun = []

    async def probe(target, context):
        begun.append(time.monotonic())
        await asyncio.sleep(0.7 if len(begun) == 1 else 0)
        return GOOD

    async with running(job(probe, period_s=0.2)):
        await until(lambda: len(begun) >= 4)
    assert begun[1] - begun[0] >= 0.7
    assert begun[3] - begun[2] > 0.1


async def test_a_crash_is_a_failed_measurement_and_the_others_go_on(logs):
    """Reason `internal`, the error's own words as detail; logged once with its traceback, not each minute."""

    async def broken(target, context):
        raise RuntimeError("no such\nthing \udcff")

    async with running(job(broken, name="broken"), job(good, name="good")) as measured:
        await until(lambda: sum(one.name == "good.id" for _, one in measured) >= 5)
        await until(lambda: sum(one.failure == "internal" for _, one in measured) >= 3)
    failed = next(one for _, one in measured if one.failure)
    assert (failed.name, failed.failure) == ("blank.id", "internal")
    assert failed.failure_detail == "RuntimeError: no such thing  "
    assert sum(entry["event"] == "probe.crashed" for entry in logs) == 1
    assert sum(entry["event"] == "probe.failing" for entry in logs) == 1


async def test_a_measurement_that_the_contract_refuses_is_a_crash_of_the_probe():
    """The collector would reject it for ever; so it never enters the spool, and the reason is reported."""

    async def out_of_bounds(target, context):
        return Dns(resolver="192.0.2.1", name="x.id", resolve_ms=-5.0)

    async def not_unicode(target, context):
        return Dns(resolver="192.0.2.1", name="\udcff")

    for probe in (out_of_bounds, not_unicode):
        _, measurement = await measure(job(probe), Context())
        assert measurement.failure == "internal"
        assert "InvalidRecordError" in measurement.failure_detail


async def test_a_probe_that_does_not_end_is_a_failure_by_timeout():
    """Silence is not an outcome."""
    ended = []

    async def stuck(target, context):
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    _, measurement = await measure(job(stuck, timeout_s=0.05), Context())
    assert (measurement.failure, measurement.failure_detail) == ("timeout", "not done after 0 s")
    assert ended
    assert 0.05 <= measurement.duration_s < 20


async def test_a_timeout_inside_a_probe_is_not_taken_for_the_runners():
    """A probe that lets a TimeoutError out has a fault; nobody waited for its end."""

    async def careless(target, context):
        raise TimeoutError

    _, measurement = await measure(job(careless), Context())
    assert measurement.failure == "internal"


async def test_stamps_are_of_the_beginning_and_durations_are_filled_in():
    """The stamp is when the measurement began; a duration that the probe knows better is kept."""

    async def slow(target, context):
        await asyncio.sleep(0.1)
        return GOOD

    async def exact(target, context):
        return Dns(resolver="192.0.2.1", name="x.id", duration_s=42.0)

    before_ns = time.time_ns()
    stamp, measurement = await measure(job(slow), Context())
    assert before_ns <= stamp.time_ns <= time.time_ns() - 90_000_000
    assert 0.1 <= measurement.duration_s < 20
    assert (await measure(job(exact), Context()))[1].duration_s == 42.0


async def test_cancelling_ends_every_probe():
    """At the end of the agent nothing is left running."""
    state = []

    async def patient(target, context):
        try:
            state.append("began")
            await asyncio.sleep(3600)
        finally:
            state.append("ended")

    async with running(job(patient), job(patient, name="other")):
        await until(lambda: state.count("began") == 2)
    assert state.count("ended") == 2
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("job-")]


async def test_transitions_are_logged_once(logs):
    """When it begins to fail, when the reason changes, when it is back; not each time."""
    outcomes = iter(["refused"] * 3 + ["unreachable"] * 3 + [None] * 3)

    async def probe(target, context):
        return Dns(resolver="192.0.2.1", name="x.id", failure=next(outcomes, None))

    async with running(job(probe, period_s=0.01)) as measured:
        await until(lambda: len(measured) >= 10)
    told = [(entry["event"], entry.get("failure")) for entry in logs]
    assert told == [
        ("probe.failing", "refused"),
        ("probe.failing", "unreachable"),
        ("probe.recovered", None),
    ]
