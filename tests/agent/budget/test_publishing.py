"""What the publisher puts on the line is booked, however its connections begin and end."""

from __future__ import annotations

import pytest
from tests.agent.support.collector import Collector
from tests.agent.support.device import Device, running, until
from tests.fakes import brokers

from pantau_agent.budget import publishing
from pantau_agent.budget.publishing import PURPOSE, PublishingMeter
from pantau_agent.probes.base import TestTraffic

NAME = "desa-1"


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


class Account:
    """A publisher's meter and what it has booked."""

    def __init__(self):
        self.traffic = TestTraffic()
        self.meter = PublishingMeter(self.traffic)
        self.traffic.add_meter(self.meter.read)

    @property
    def bytes(self):
        return self.traffic.by_purpose().get(PURPOSE, (0, 0))


@pytest.mark.parametrize("kernel_tells", [True, False])
async def test_records_cost_more_than_their_payload_and_less_than_twice(
    spool, broker, monkeypatch, kernel_tells
):
    """By the kernel's account, and by the estimate where it gives none; in both directions."""
    if not kernel_tells:
        monkeypatch.setattr(publishing.tcp_info, "read", lambda _: None)
    account = Account()
    device = Device(spool, NAME, broker.port, meter=account.meter)
    with Collector(broker.port, NAME) as collector:
        async with running(device):
            await until(lambda: account.bytes[1] > 100)
            before = account.bytes
            device.measure(400, name="x" * 100)
            await until(lambda: device.depth == 0)
        payload = sum(envelope.payload_bytes for envelope in collector.envelopes)
    rx_bytes, tx_bytes = (after - earlier for after, earlier in zip(account.bytes, before, strict=True))
    assert payload > 1_000
    assert payload < tx_bytes < 2 * payload + 3_000
    assert rx_bytes > 100
    assert account.traffic.totals("lo") == account.bytes


async def test_what_a_connection_carried_is_booked_when_it_is_cut(spool, broker):
    """Nothing is asked between the last records and the end of the broker."""
    account = Account()
    device = Device(spool, NAME, broker.port, meter=account.meter)
    with Collector(broker.port, NAME):
        async with running(device):
            device.measure(400, name="x" * 100)
            await until(lambda: device.depth == 0)
            broker.kill()
            await until(lambda: not device.publisher.connected)
            await until(lambda: not account.meter._lines)
            cut = account.bytes
            assert cut[1] > 1_000
            broker.start()
            await until(lambda: device.publisher.connected)
            await until(lambda: account.bytes[1] > cut[1])


@pytest.mark.parametrize(("tls", "each_way"), [(False, 250), (True, 4_000)])
def test_an_attempt_that_fails_is_estimated(tls, each_way):
    account = Account()
    account.meter.failed(tls=tls)
    assert account.bytes == (each_way, each_way)


async def test_a_broker_that_is_not_there_costs_an_attempt_each_time(spool, unused_tcp_port):
    account = Account()
    device = Device(spool, NAME, unused_tcp_port, meter=account.meter)
    async with running(device, connected=False):
        await until(lambda: account.bytes >= (500, 500))
