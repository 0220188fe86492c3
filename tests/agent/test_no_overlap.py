"""Our own speed test and the latency probes, as configured and scheduled: no packet under the load."""

from __future__ import annotations

import asyncio
import contextlib
import random
from urllib.parse import urlsplit

from tests.agent.support.device import until
from tests.fakes.librespeed import Behaviour, LibreSpeed

from pantau_agent.config.settings import (
    AgentConfig,
    LatencyConfig,
    LatencyTargetConfig,
    LinkConfig,
    PeriodConfig,
    SpeedConfig,
    TrafficConfig,
)
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.base import Context
from pantau_agent.scheduler import Scheduler
from pantau_wire.fields import Latency, Speed


def config_for(server):
    target = LatencyTargetConfig(
        target="testpoint", host="127.0.0.1", tcp_port=urlsplit(server.url).port, method="tcp"
    )
    return AgentConfig(
        device="desa-1",
        start_spread_ratio=0,
        traffic=TrafficConfig(enabled=False),
        link=LinkConfig(enabled=False),
        device_health=PeriodConfig(enabled=False),
        latency=LatencyConfig(targets=(target,), period_s=1.0, packets_count=40),
        speed=SpeedConfig(
            url=server.url,
            period_s=600,
            download_s=1.5,
            download_discard_s=0.2,
            upload_s=1.5,
            upload_discard_s=0.2,
            stable_stop=False,
            busy_line_tries=0,
        ),
    )


async def test_latency_probes_leave_out_their_packets_while_a_test_loads_the_line():
    """Every packet is either sent or left out; after the test all are sent again; nothing fails."""
    measured = []
    with LibreSpeed(Behaviour(rate_bps=20_000_000)) as server:
        scheduler = Scheduler(
            Context(), lambda stamp, found: measured.append((stamp, found)), random.Random(1)
        )
        task = asyncio.create_task(scheduler.run(jobs_of(config_for(server))))

        def after_the_test():
            kinds = [type(found) for _, found in measured]
            return Speed in kinds and len(kinds) - kinds.index(Speed) > 4

        await until(after_the_test, "four periods after the test")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    (begun, speed), *_ = [entry for entry in measured if isinstance(entry[1], Speed)]
    assert speed.failure is None
    latency = [
        (stamp.time_ns - begun.time_ns, found) for stamp, found in measured if isinstance(found, Latency)
    ]
    assert all(found.failure is None for _, found in latency)
    assert all(found.sent_count + found.skipped_count == 40 for _, found in latency)
    inside = [found for offset_ns, found in latency if 0.1e9 < offset_ns < 1.9e9]
    assert inside
    assert all((found.sent_count, found.rt_loss_ratio) == (0, None) for found in inside)
    assert latency[-1][1].skipped_count == 0
