"""Between publisher and agent: nothing waits, nothing piles up, and what changed is told."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.agent.remote.controls import control_of, local
from tests.agent.remote.signing_desk import DEVICE, DEVICE_TOPIC, GROUP, GROUP_TOPIC, order
from tests.agent.support.device import until

from pantau_agent.remote import RemoteListener, listener
from pantau_wire import codec
from pantau_wire.remote import ConfigReport


class Heard:
    """What a listener called back."""

    def __init__(self):
        self.configs = []
        self.reports = 0

    def reported(self):
        self.reports += 1


@contextlib.asynccontextmanager
async def listening(control):
    made, heard = RemoteListener(control), Heard()
    task = asyncio.create_task(made.run(heard.configs.append, heard.reported))
    try:
        yield made, heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr(listener, "_PAUSE_S", 0.0)


def send(made, message, topic=DEVICE_TOPIC):
    made.arrived(topic, message, codec.JSON)


async def test_a_new_configuration_is_handed_over_with_its_version(control, no_pause):
    """And a refused one is reported, without handing anything over."""
    async with listening(control) as (made, heard):
        assert (made.report(), made.version) == ((), None)
        send(made, order({"latency": {"period_s": 30}}, version=4))
        await until(lambda: heard.reports == 1)
        assert [config.latency.period_s for config in heard.configs] == [30]
        assert (made.report(), made.version) == ((ConfigReport(audience=DEVICE, version=4),), 4)
        send(made, b"garbage")
        await until(lambda: heard.reports == 2)
        assert len(heard.configs) == 1
        assert made.report()[0].refused == "malformed"


async def test_a_flood_costs_one_look_and_one_message_per_topic(control):
    """Only the newest message of a topic waits, whatever a broker sends in the meantime."""
    async with listening(control) as (made, heard):
        for version in range(1, 2001):
            send(made, order({}, version=1) if version == 1 else b"flood %d" % version)
        send(made, order({"link": {"period_s": 90}}, version=3))
        send(made, order({"link": {"period_s": 80}}, audience=GROUP), GROUP_TOPIC)
        assert len(made._waiting) == 2
        await until(lambda: heard.reports == 1)
        assert heard.configs[-1].link.period_s == 90
        assert made._waiting == {}
    assert heard.reports == 1
    assert len(heard.configs) == 1


async def test_what_was_kept_is_told_from_the_beginning(config, tmp_path):
    """Before the first connection: the first status says what is in force."""
    control_of(config).take(DEVICE_TOPIC, order({}, version=6), codec.JSON)
    made = RemoteListener(control_of(local(tmp_path)))
    assert (made.report(), made.version) == ((ConfigReport(audience=DEVICE, version=6),), 6)


async def test_a_fault_of_ours_does_not_end_the_agent(control, no_pause, logs, monkeypatch):
    """It is logged with its traceback, and the next message is looked at."""
    take = control.take
    monkeypatch.setattr(control, "take", lambda *_: 1 // 0)
    async with listening(control) as (made, heard):
        send(made, order({}, version=1))
        await until(lambda: [entry for entry in logs if entry["event"] == "remote.crashed"])
        monkeypatch.setattr(control, "take", take)
        send(made, order({}, version=1))
        await until(lambda: heard.reports == 1)
