"""A new configuration while the agent runs: what changes is exchanged, the rest is not disturbed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter

import msgspec
import pytest
from tests.agent.remote.controls import local
from tests.agent.support.device import Device, running, until
from tests.agent.support.oddbroker import OddBroker

from pantau_agent.config.settings import (
    DnsConfig,
    HttpConfig,
    LatencyConfig,
    LatencyTargetConfig,
    LinkConfig,
    SpeedConfig,
)
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.base import Context
from pantau_agent.remote import RemoteListener
from pantau_agent.scheduler import Job, Scheduler
from pantau_agent.schedules import Periodic
from pantau_wire.fields import Dns

GOOD = Dns(resolver="192.0.2.1", name="good.id", resolve_ms=1.0)


@pytest.fixture
def full(tmp_path):
    """A configuration with every kind of job."""
    return local(
        tmp_path,
        latency=LatencyConfig(
            targets=(
                LatencyTargetConfig(target="gateway"),
                LatencyTargetConfig(target="internet", host="192.0.2.1"),
            )
        ),
        speed=SpeedConfig(
            url="http://uji.example.id/", engines=("http", "iperf3"), iperf3_servers=("uji.example.id",)
        ),
        dns=DnsConfig(names=("a.example.id", "b.example.id"), resolvers=("system", "192.0.2.53")),
        http=HttpConfig(pages=("http://uji.example.id/",)),
    )


def test_jobs_of_the_same_settings_are_equal(full):
    """So that a message about one probe leaves the others alone."""
    before = jobs_of(full)
    after = jobs_of(msgspec.structs.replace(full, link=LinkConfig(period_s=90)))
    assert len(before) == len(after) >= 10
    assert [job.name for job in after if job not in before] == ["link"]


class Probes:
    """Probes that note when they began and ended; `slow` ones last until they are let go."""

    def __init__(self):
        self.runs = Counter()
        self.at_work = Counter()
        self.most_at_once = Counter()
        self.go = asyncio.Event()

    def job(self, name, *, target="", period_s=0.02, slow=False):
        return Job(name, self._slow if slow else self._quick, (name, target), Periodic(period_s, 0), 60, GOOD)

    async def _quick(self, target, context):
        self.runs[target] += 1
        return GOOD

    async def _slow(self, target, context):
        name = target[0]
        self.at_work[name] += 1
        self.most_at_once[name] = max(self.most_at_once[name], self.at_work[name])
        await self.go.wait()
        self.at_work[name] -= 1
        self.runs[target] += 1
        return GOOD


@contextlib.asynccontextmanager
async def scheduling(jobs):
    measured = []
    scheduler = Scheduler(Context(), lambda *result: measured.append(result), random.Random(1))
    task = asyncio.create_task(scheduler.run(jobs))
    await asyncio.sleep(0)
    try:
        yield scheduler, measured
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_run_is_finished_and_kept_and_the_new_settings_follow_it():
    """What was measured under the old settings is kept, and the same probe never runs twice at once."""
    probes = Probes()
    async with scheduling([probes.job("latency", target="old", slow=True)]) as (scheduler, measured):
        await until(lambda: probes.at_work["latency"])
        scheduler.exchange([probes.job("latency", target="new", slow=True)])
        await asyncio.sleep(0.1)
        assert measured == []
        probes.go.set()
        await until(lambda: probes.runs["latency", "new"])
    assert probes.runs["latency", "old"] == 1
    assert probes.most_at_once["latency"] == 1


async def test_other_probes_keep_their_beat():
    """An exchange does not start them anew: a probe with a long period is not run again."""
    probes = Probes()
    stays = probes.job("device", period_s=3600)
    async with scheduling([stays, probes.job("link")]) as (scheduler, _):
        await until(lambda: probes.runs["device", ""] == 1 and probes.runs["link", ""])
        for period_s in (0.03, 0.04, 0.05):
            scheduler.exchange([probes.job("device", period_s=3600), probes.job("link", period_s=period_s)])
            seen = probes.runs["link", ""]
            await until(lambda seen=seen: probes.runs["link", ""] > seen + 1)
        assert probes.runs["device", ""] == 1


async def test_without_any_job_the_agent_waits_for_one():
    """A configuration that names nothing is not an end."""
    probes = Probes()
    async with scheduling([]) as (scheduler, measured):
        scheduler.exchange([probes.job("link")])
        await until(lambda: measured)
        scheduler.exchange([])


async def test_a_broker_that_refuses_the_config_topic_still_gets_measurements(spool, control, logs):
    """Its access list is incomplete, which the log says once a connection; nothing else suffers."""
    async with OddBroker(lambda broker, packet: broker.puback(packet)) as broker:
        broker.refused_topics = {"pantau/v1/desa-1/config"}
        device = Device(spool, "desa-1", broker.port)
        device.publisher._remote = RemoteListener(control)
        async with running(device):
            device.measure(3)
            await until(lambda: broker.envelopes)
    refused = [entry["topics"] for entry in logs if entry["event"] == "publisher.subscription_refused"]
    assert refused == [["pantau/v1/desa-1/config"]]
