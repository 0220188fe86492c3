"""The running agent: spool, publisher and jobs put together, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from typing import TYPE_CHECKING

import structlog

from pantau_agent import machine
from pantau_agent.budget.keeper import Budget, KnownTime, path_of
from pantau_agent.budget.publishing import PublishingMeter
from pantau_agent.certificate_file import CertificateWatch
from pantau_agent.errors import RemoteConfigError, SpoolDamagedError, SpoolError
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.base import AgentState, Context, TestTraffic
from pantau_agent.publisher.connection import tls_context
from pantau_agent.publisher.messages import Identity
from pantau_agent.publisher.publisher import Publisher
from pantau_agent.remote import RemoteControl, RemoteListener
from pantau_agent.scheduler import Scheduler
from pantau_agent.service_manager import ServiceManager
from pantau_agent.spool import Spool
from pantau_agent.testpoint_token import TokenKeeper
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import __version__, codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.clock import Stamp
    from pantau_agent.config import AgentConfig
    from pantau_wire.fields import AnyMeasurement

log = structlog.get_logger()

_DRAIN_POLL_S = 0.05
_CERTIFICATE_LOOK_S = 3600.0


class Agent:
    """One agent on one device."""

    def __init__(self, config: AgentConfig) -> None:
        """Open the spool; raises `ConfigError` for contradictory settings, `SpoolError` for a bad spool."""
        self._config = config
        jobs_of(config)  # finds settings that contradict each other, before a remote configuration hides them
        control = _remote_control(config, lambda: round(self._known_time().utc_s * 1e9))
        self._remote = RemoteListener(control)
        self._jobs = jobs_of(control.config)
        tls_context(config.broker)
        self._timekeeper = Timekeeper()
        self._time_known = asyncio.Event()
        self._spool = Spool(
            config.spool.path,
            max_bytes=config.spool.max_bytes,
            max_age_s=config.spool.max_age_s,
            timekeeper=self._timekeeper,
            marks=machine.marks(),
        )
        traffic = TestTraffic()
        self._budget = Budget(path_of(config), control.config, traffic, self._known_time)
        meter = PublishingMeter(traffic)
        traffic.add_meter(meter.read)
        identity = Identity(device=config.device, agent_version=__version__)
        self._publisher = Publisher(
            self._spool,
            identity,
            config.broker,
            config.delivery,
            self._timekeeper,
            remote=self._remote,
            meter=meter,
        )
        self._publisher.on_time = self._time_came
        tokens = TokenKeeper(config.spool.path)
        self._publisher.on_token = tokens.take
        self._context = Context(test_traffic=traffic, agent_state=self._state, testpoint_token=tokens.current)
        self._commit_failing = False

    async def run(self) -> None:
        """Measure and publish until SIGTERM or SIGINT."""
        stop, manager = asyncio.Event(), ServiceManager()
        _stop_on_signals(stop)
        log.info("agent.started", device=self._config.device, spool=self._spool.spool_id, version=__version__)
        rng = random.Random()  # noqa: S311 - spreads starts, not a secret
        scheduler = Scheduler(
            self._context,
            self._take,
            rng,
            gate=self._budget,
            memory=self._budget,
            utc_s=lambda: self._known_time().utc_s,
        )

        def reconfigure(config: AgentConfig) -> None:
            self._budget.apply(config)
            scheduler.exchange(jobs_of(config))

        publishing = asyncio.create_task(self._publisher.run(), name="publisher")
        working = [
            asyncio.create_task(scheduler.run(self._jobs), name="jobs"),
            asyncio.create_task(self._remote.run(reconfigure, self._publisher.reported), name="remote"),
            asyncio.create_task(self._commit_regularly(), name="commit"),
            asyncio.create_task(self._watch_certificate(), name="certificate"),
            asyncio.create_task(manager.keep_alive(self._status), name="watchdog"),
        ]
        manager.ready()
        try:
            await _until(stop, [publishing, *working])
            manager.stopping()
            await _cancel(working)
            await self._drain()
        finally:
            await _cancel([*working, publishing])
            self._close()
        log.info("agent.stopped", device=self._config.device)

    def _take(self, stamp: Stamp, measurement: AnyMeasurement) -> None:
        self._spool.put(stamp, codec.encode_measurement(measurement))

    async def _commit_regularly(self) -> None:
        """Commit at each interval, and when the time that records wait for comes."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._time_known.wait(), self._config.spool.commit_interval_s)
            self._time_known.clear()
            await self._commit()
            await self._budget.flush()

    async def _watch_certificate(self) -> None:
        """Look each hour how long the certificate lasts, once somebody vouches for the time."""
        file = self._config.broker.cert_file
        watch = CertificateWatch(file) if file is not None else None
        while True:
            time_known = self._known_time()
            if watch is not None and time_known.trusted:
                watch.look(time_known.utc_s)
            await asyncio.sleep(_CERTIFICATE_LOOK_S)

    def _time_came(self) -> None:
        """Have what waits for the time committed at once; nothing waits: then the card is left alone."""
        if self._spool.state().waiting_count:
            self._time_known.set()

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
            spool = self._spool.state()
            if spool.depth_count == spool.waiting_count:
                break
            await asyncio.sleep(_DRAIN_POLL_S)

    def _status(self) -> str:
        """Return one line for `systemctl status`."""
        spool = self._spool.state()
        broker = "connected" if self._publisher.connected else "not connected"
        return f"{self._config.device}: {broker}, {spool.depth_count} record(s) to deliver"

    def _close(self) -> None:
        self._budget.close()
        try:
            self._spool.close()
        except SpoolError as error:
            log.error("spool.close_failed", error=str(error))  # noqa: TRY400 - the text says it all

    def _known_time(self) -> KnownTime:
        """Return the best known time: the clock's own where nobody vouches for any."""
        reading = self._timekeeper.read()
        resolved = self._timekeeper.resolve(reading)
        return KnownTime((resolved or reading).time_ns / 1e9, trusted=resolved is not None)

    def _state(self) -> AgentState:
        spool = self._spool.state()
        budget = self._budget.use()
        now = self._timekeeper.read()
        return AgentState(
            clock=(self._timekeeper.resolve(now) or now).clock,
            clock_offset_ms=self._publisher.clock_offset_ms,
            spool_depth_count=spool.depth_count,
            spool_bytes=spool.size_bytes,
            dropped_count=spool.dropped_count,
            rejected_count=spool.rejected_count,
            budget_used_bytes=budget.used_bytes,
            budget_bytes=budget.month_bytes,
            budget_state=budget.state,
            remote_config_version_count=self._remote.version,
        )


def _remote_control(config: AgentConfig, now_ns: Callable[[], int]) -> RemoteControl:
    """Return the remote configuration with what was kept in force; a damaged file stops no measuring."""
    control = RemoteControl(config, jobs_of, now_ns)
    try:
        control.load()
    except RemoteConfigError as error:
        log.error("remote.not_restored", error=str(error))  # noqa: TRY400 - the text says it all
    for report in control.report():
        if report.version is not None:
            log.info("remote.in_force", audience=report.audience, version=report.version)
    return control


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
