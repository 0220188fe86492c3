"""The running agent: spool, publisher and jobs put together, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from typing import TYPE_CHECKING

import structlog

from pantau_agent import clock, scheduler
from pantau_agent.errors import SpoolDamagedError, SpoolError
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.base import AgentState, Context
from pantau_agent.publisher.connection import tls_context
from pantau_agent.publisher.publisher import Identity, Publisher
from pantau_agent.spool import Spool
from pantau_wire import __version__, codec

if TYPE_CHECKING:
    from pantau_agent.clock import Stamp
    from pantau_agent.config import AgentConfig
    from pantau_wire.fields import AnyMeasurement

log = structlog.get_logger()

_DRAIN_POLL_S = 0.05


class Agent:
    """One agent on one device."""

    def __init__(self, config: AgentConfig) -> None:
        """Open the spool; raises `ConfigError` for contradictory settings, `SpoolError` for a bad spool."""
        self._config = config
        self._jobs = jobs_of(config)
        tls_context(config.broker)
        self._spool = Spool(
            config.spool.path, max_bytes=config.spool.max_bytes, max_age_s=config.spool.max_age_s
        )
        identity = Identity(device=config.device, agent_version=__version__)
        self._publisher = Publisher(self._spool, identity, config.broker, config.delivery)
        self._context = Context(agent_state=self._state)
        self._commit_failing = False

    async def run(self) -> None:
        """Measure and publish until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        _stop_on_signals(stop)
        log.info("agent.started", device=self._config.device, spool=self._spool.spool_id, version=__version__)
        rng = random.Random()  # noqa: S311 - spreads starts, not a secret
        publishing = asyncio.create_task(self._publisher.run(), name="publisher")
        working = [
            asyncio.create_task(scheduler.run_jobs(self._jobs, self._context, self._take, rng), name="jobs"),
            asyncio.create_task(self._commit_regularly(), name="commit"),
        ]
        try:
            await _until(stop, [publishing, *working])
            await _cancel(working)
            await self._drain()
        finally:
            await _cancel([*working, publishing])
            self._close()
        log.info("agent.stopped", device=self._config.device)

    def _take(self, stamp: Stamp, measurement: AnyMeasurement) -> None:
        self._spool.put(stamp, codec.encode_measurement(measurement))

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._config.spool.commit_interval_s)
            await self._commit()

    async def _commit(self) -> None:
        """Commit; a disk that refuses is logged once, and what was put waits in memory."""
        try:
            if await asyncio.to_thread(self._spool.commit):
                self._publisher.committed()
        except SpoolDamagedError:
            raise
        except SpoolError as error:
            if not self._commit_failing:
                log.error("spool.commit_failing", error=str(error))  # noqa: TRY400 - the text says it all
            self._commit_failing = True
            return
        if self._commit_failing:
            log.info("spool.commit_recovered")
        self._commit_failing = False

    async def _drain(self) -> None:
        """Commit what was measured and give the publisher a moment to deliver it, while it is connected."""
        await self._commit()
        deadline = time.monotonic() + self._config.delivery.stop_grace_s
        while time.monotonic() < deadline and self._publisher.connected:
            if not self._spool.state().depth_count:
                break
            await asyncio.sleep(_DRAIN_POLL_S)

    def _close(self) -> None:
        try:
            self._spool.close()
        except SpoolError as error:
            log.error("spool.close_failed", error=str(error))  # noqa: TRY400 - the text says it all

    def _state(self) -> AgentState:
        spool = self._spool.state()
        return AgentState(
            clock=clock.clock_state(),
            clock_offset_ms=self._publisher.clock_offset_ms,
            spool_depth_count=spool.depth_count,
            spool_bytes=spool.size_bytes,
            dropped_count=spool.dropped_count,
            rejected_count=spool.rejected_count,
        )


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(name, stop.set)


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the stop event; a task that ends before it has failed, and its error is raised."""
    waiting = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for task in done - {waiting}:
        task.result()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
