"""Runs each probe by its own schedule, stamps what it measured, and hands it to the spool.

A probe that raises is a failed measurement with reason `internal`, never the end of the others. A run that
the data budget does not allow is a failed measurement with reason `budget`: never silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
import structlog

from pantau_agent import clock
from pantau_agent.budget.policy import Answer
from pantau_agent.roster import Roster
from pantau_agent.schedules import Now
from pantau_wire import codec, schema
from pantau_wire.fields import Speed

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from pantau_agent.budget.policy import Cost
    from pantau_agent.clock import Stamp
    from pantau_agent.probes.base import Context, Probe
    from pantau_agent.roster import Seat
    from pantau_agent.schedules import Schedule
    from pantau_wire.fields import AnyMeasurement

log = structlog.get_logger()

_DETAIL_LENGTH = 200

LineUse = Literal["any", "loads", "avoids"]


@dataclass(frozen=True, slots=True)
class Job:
    """A probe with its target, its schedule, and the measurement to fill in when it fails by our fault.

    `line` says how it gets on with our own speed tests: it `loads` the line and has it for itself, `avoids`
    to begin under such a load, or does not mind (`any`). Without a `cost` the data budget does not ask.
    """

    name: str
    probe: Probe[Any]
    target: Any
    schedule: Schedule
    timeout_s: float
    blank: AnyMeasurement
    line: LineUse = "any"
    cost: Cost | None = None


class Gate(Protocol):
    """The data budget, as the scheduler needs it."""

    def run_of(self, job: str, purpose: str, cost: Cost) -> contextlib.AbstractAsyncContextManager[Answer]:
        """Answer whether the job may run; what the run books under `purpose` is its own, until the end."""
        ...


class Memory(Protocol):
    """Remembers over a restart which runs of a day were taken."""

    def taken(self, job: str) -> Iterable[str]:
        """Return the names of the job's runs, the oldest first."""
        ...

    async def take(self, job: str, run: str) -> None:
        """Remember a run, durably, before it begins."""
        ...


class NoGate:
    """Everything is allowed."""

    @contextlib.asynccontextmanager
    async def run_of(self, job: str, purpose: str, cost: Cost) -> AsyncIterator[Answer]:  # noqa: ARG002
        """Allow it."""
        yield Answer()


class NoMemory:
    """Nothing is remembered."""

    def taken(self, job: str) -> Iterable[str]:  # noqa: ARG002 - of no job
        """Return nothing."""
        return ()

    async def take(self, job: str, run: str) -> None:
        """Forget it."""


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
        if job.line == "loads":
            context.line.begins()

    inner = replace(
        context, begins=begins, test_traffic=context.test_traffic.purposed(schema.kind_of(job.blank))
    )
    limit = asyncio.timeout(job.timeout_s)
    try:
        async with limit:
            measurement = await job.probe(job.target, inner)
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


class Scheduler:
    """Runs jobs by their schedules."""

    def __init__(
        self,
        context: Context,
        sink: Callable[[Stamp, AnyMeasurement], None],
        rng: random.Random,
        *,
        gate: Gate | None = None,
        memory: Memory | None = None,
        utc_s: Callable[[], float] = time.time,
    ) -> None:
        """Do nothing yet. `utc_s` is the best known UTC in seconds since 1970; it may jump."""
        self._context = context
        self._sink = sink
        self._rng = rng
        self._gate = gate or NoGate()
        self._memory = memory or NoMemory()
        self._utc_s = utc_s
        self._roster: Roster[Job] | None = None

    async def run(self, jobs: Sequence[Job]) -> None:
        """Run all jobs until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._roster = Roster(group, self._follow)
            self.exchange(jobs)
            await asyncio.Event().wait()

    def exchange(self, jobs: Sequence[Job]) -> None:
        """Run these jobs instead, while `run` runs: what has not changed is not disturbed."""
        assert self._roster is not None
        self._roster.exchange(jobs)

    async def _follow(self, job: Job, seat: Seat) -> None:
        """Run one job whenever its schedule says so, until it is to leave."""
        beats = job.schedule.beats(self._now(), self._rng, self._memory.taken(job.name))
        failing: str | None = None
        while not seat.leaving:
            now = self._now()
            wait_s = beats.wait_s(now)
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            run = beats.take(now)
            with seat.busy():
                if run is not None:
                    await self._memory.take(job.name, run)
                stamp, measurement = await self._run_once(job, crashed_before=failing == "internal")
                self._sink(stamp, measurement)
            failing = _log_transition(job, failing, measurement)

    async def _run_once(self, job: Job, *, crashed_before: bool) -> tuple[Stamp, AnyMeasurement]:
        """Run the job when line and budget allow it; waiting for the line is not part of its time."""
        context = self._context
        async with contextlib.AsyncExitStack() as stack:
            if job.line == "loads":
                await stack.enter_async_context(context.line.load())
            elif job.line == "avoids":
                await context.line.unloaded()
            if job.cost is not None:
                purpose = schema.kind_of(job.blank)
                answer = await stack.enter_async_context(self._gate.run_of(job.name, purpose, job.cost))
                if answer.withheld is not None:
                    return clock.now(), _withheld(job, answer.withheld)
                context = replace(context, max_bytes=answer.max_bytes)
            return await measure(job, context, crashed_before=crashed_before)

    def _now(self) -> Now:
        return Now(time.monotonic(), self._utc_s())


def _failed(job: Job, failure: str, detail: str) -> AnyMeasurement:
    clean = "".join(char if char.isprintable() else " " for char in detail)[:_DETAIL_LENGTH]
    return msgspec.structs.replace(job.blank, failure=failure, failure_detail=clean)


def _withheld(job: Job, detail: str) -> AnyMeasurement:
    """Return what is recorded instead of a run that the budget does not allow."""
    measurement = _failed(job, "budget", detail)
    if isinstance(measurement, Speed):
        return msgspec.structs.replace(measurement, limited_by="budget")
    return measurement


def _log_transition(job: Job, before: str | None, measurement: AnyMeasurement) -> str | None:
    if measurement.failure != before:
        if measurement.failure is None:
            log.info("probe.recovered", job=job.name)
        else:
            log.warning(
                "probe.failing", job=job.name, failure=measurement.failure, detail=measurement.failure_detail
            )
    return measurement.failure
