"""The probe `speed`: runs the target's engine in a thread, and ends it when the task is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pantau_agent.probes.speed.run import run
from pantau_agent.probes.speed.transport.connection import Stop
from pantau_agent.probes.speed.transport.errors import StoppedError
from pantau_agent.probes.speed.trial import Trial

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context, Progress
    from pantau_agent.probes.speed.target import SpeedTarget
    from pantau_wire.fields import Speed


async def speed(target: SpeedTarget, context: Context) -> Speed:
    """Test once. What fails stands in the result, beside all that was measured before."""
    loop = asyncio.get_running_loop()
    stop = Stop()

    def report(progress: Progress) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches any more
            loop.call_soon_threadsafe(context.on_progress, progress)

    trial = Trial(
        target=_within(target, context.max_bytes),
        test_traffic=context.test_traffic,
        report=report,
        stop=stop,
        begins=context.begins,
        testpoint_token=context.testpoint_token,
    )
    test = asyncio.ensure_future(asyncio.to_thread(run, trial))
    try:
        return (await asyncio.shield(test)).speed()
    except asyncio.CancelledError:
        stop.set()
        with contextlib.suppress(StoppedError):
            await test
        raise


def _within(target: SpeedTarget, allowed_bytes: int | None) -> SpeedTarget:
    """Return the target, bounded by what the data budget allows."""
    if allowed_bytes is None:
        return target
    return replace(target, max_bytes=max(min(target.max_bytes or allowed_bytes, allowed_bytes), 1))
