"""The probe `speed`: runs the target's engine in a thread, and ends it when the task is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed import engine
from pantau_agent.probes.speed.connection import Stop
from pantau_agent.probes.speed.errors import StoppedError
from pantau_agent.probes.speed.result import Findings
from pantau_agent.probes.speed.server import locate, resolve, server_name
from pantau_agent.probes.speed.trial import Trial

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context, Progress
    from pantau_agent.probes.speed.server import Server
    from pantau_agent.probes.speed.target import SpeedTarget
    from pantau_wire.fields import Speed


async def speed(target: SpeedTarget, context: Context) -> Speed:
    """Test once. What fails stands in the result, beside all that was measured before."""
    try:
        servers = await resolve(target)
    except ProbeError as error:
        return Findings(server=_name(target), failed_part="idle", error=error).speed()
    findings = await _in_thread(target, context, servers)
    return findings.speed()


def _name(target: SpeedTarget) -> str:
    try:
        location = locate(target.url)
    except ProbeError:
        return target.url[:200]
    return server_name(location.hostname, location.port)


async def _in_thread(target: SpeedTarget, context: Context, servers: list[Server]) -> Findings:
    loop = asyncio.get_running_loop()
    stop = Stop()

    def report(progress: Progress) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches any more
            loop.call_soon_threadsafe(context.on_progress, progress)

    trial = Trial(target=target, test_traffic=context.test_traffic, report=report, stop=stop)
    test = asyncio.ensure_future(asyncio.to_thread(engine.run, trial, servers))
    try:
        return await asyncio.shield(test)
    except asyncio.CancelledError:
        stop.set()
        with contextlib.suppress(StoppedError):
            await test
        raise
