"""Jobs that are fast enough for a test, and a scheduler that runs them."""

from __future__ import annotations

import asyncio
import contextlib
import random

from pantau_agent.probes.base import Context
from pantau_agent.scheduler import Job, Scheduler
from pantau_agent.schedules import Periodic
from pantau_wire.fields import Dns

BLANK = Dns(resolver="192.0.2.1", name="blank.id")
GOOD = Dns(resolver="192.0.2.1", name="good.id", resolve_ms=1.0)


def job(probe, *, name="dns", period_s=0.05, timeout_s=5.0, spread_ratio=0.0, **settings):
    schedule = Periodic(period_s, spread_ratio)
    return Job(
        **{
            "name": name,
            "probe": probe,
            "target": "the target",
            "schedule": schedule,
            "timeout_s": timeout_s,
            "blank": BLANK,
            **settings,
        }
    )


async def good(target, context):
    return GOOD


@contextlib.asynccontextmanager
async def running(*jobs, seed=1, context=None, **settings):
    """Run the jobs until the end of the block; yield what they have measured."""
    measured = []

    def sink(stamp, measurement):
        measured.append((stamp, measurement))

    scheduler = Scheduler(context or Context(), sink, random.Random(seed), **settings)
    task = asyncio.create_task(scheduler.run(jobs))
    try:
        yield measured
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
