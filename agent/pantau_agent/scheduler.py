"""Runs each probe at its own period, stamps what it measured, and hands it to the spool.

A job starts at a random moment inside its first period, so that a fleet never moves together. A run
that takes longer than its period skips the beats it missed. A probe that raises is a failed
measurement with reason `internal`, never the end of the others.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from pantau_agent import clock
from pantau_wire import codec, schema

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from pantau_agent.clock import Stamp
    from pantau_agent.probes.base import Context, Probe
    from pantau_wire.fields import AnyMeasurement

log = structlog.get_logger()

_DETAIL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Job:
    """A probe with its target, its period, and the measurement to fill in when it fails by our fault."""

    name: str
    probe: Probe[Any]
    target: Any
    period_s: float
    timeout_s: float
    blank: AnyMeasurement
    spread_ratio: float = 1.0
    """How much of the first period the random start may use; 0 starts at once."""


async def measure(
    job: Job, context: Context, *, crashed_before: bool = False
) -> tuple[Stamp, AnyMeasurement]:
    """Run the job once; return when it began and its measurement, with how long it took.

    What the contract would refuse counts as a crash of the probe. `crashed_before` keeps the log short.
    """
    stamp, began = clock.now(), time.monotonic()

    def begins() -> None:
        nonlocal stamp, began
        stamp, began = clock.now(), time.monotonic()

    context = replace(
        context, begins=begins, test_traffic=context.test_traffic.purposed(schema.kind_of(job.blank))
    )
    limit = asyncio.timeout(job.timeout_s)
    try:
        async with limit:
            measurement = await job.probe(job.target, context)
        codec.decode_measurement(codec.encode_measurement(measurement))
    except Exception as error:
        if limit.expired():
            measurement = _failed(job, "timeout", f"not done after {job.timeout_s:.0f} s")
        else:
            if not crashed_before:
                log.exception("probe.crashed", job=job.name)
            measurement = _failed(job, "internal", f"{type(error).__name__}: {error}")
    if measurement.duration_s is None:
        measurement = msgspec.structs.replace(measurement, duration_s=round(time.monotonic() - began, 6))
    return stamp, measurement


async def run_jobs(
    jobs: Sequence[Job], context: Context, sink: Callable[[Stamp, AnyMeasurement], None], rng: random.Random
) -> None:
    """Run all jobs until cancelled."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            start_s = rng.uniform(0, job.period_s * job.spread_ratio)
            group.create_task(_run_job(job, start_s, context, sink), name=f"job-{job.name}")


async def _run_job(
    job: Job, start_s: float, context: Context, sink: Callable[[Stamp, AnyMeasurement], None]
) -> None:
    await asyncio.sleep(start_s)
    origin = time.monotonic()
    beat = 0
    failing: str | None = None
    while True:
        stamp, measurement = await measure(job, context, crashed_before=failing == "internal")
        sink(stamp, measurement)
        failing = _log_transition(job, failing, measurement)
        elapsed_s = time.monotonic() - origin
        beat = next_beat(beat, elapsed_s, job.period_s)
        await asyncio.sleep(max(0.0, beat * job.period_s - elapsed_s))


def next_beat(beat: int, elapsed_s: float, period_s: float) -> int:
    """Return the number of the next beat: the following one, or the newest if whole beats were missed.

    A run that ended a little after its period is followed at once by the next, so that a probe which
    fills its period leaves no gap.
    """
    return max(beat + 1, math.floor(elapsed_s / period_s))


def _failed(job: Job, failure: str, detail: str) -> AnyMeasurement:
    clean = "".join(char if char.isprintable() else " " for char in detail)[:_DETAIL_LENGTH]
    return msgspec.structs.replace(job.blank, failure=failure, failure_detail=clean)


def _log_transition(job: Job, before: str | None, measurement: AnyMeasurement) -> str | None:
    if measurement.failure != before:
        if measurement.failure is None:
            log.info("probe.recovered", job=job.name)
        else:
            log.warning(
                "probe.failing", job=job.name, failure=measurement.failure, detail=measurement.failure_detail
            )
    return measurement.failure
