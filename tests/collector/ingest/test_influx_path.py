"""What devices are told while InfluxDB takes, refuses, or cannot: over real brokers, to the ack."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.collector.ingest import processes
from tests.collector.ingest.collecting import Collecting, collecting
from tests.collector.ingest.device import Device, connected
from tests.collector.ingest.waiting import until
from tests.fakes import influx_script, influxd
from tests.fakes.influx_script import Answer, ScriptedInflux

from pantau_collector.config import InfluxConfig
from pantau_collector.storage.influx.patience import Gate
from pantau_collector.storage.influx.store import InfluxStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.fakes.brokers import Broker

_STORE = """
kind = "influxdb"
[store.influxdb]
url = "{url}"
database = "{database}"
"""


@pytest.fixture
def influx() -> Iterator[ScriptedInflux]:
    """A server that answers as 2.x does; the others are in `tests/collector/storage`."""
    with influx_script.running(ScriptedInflux("2")) as server:
        yield server


@contextlib.asynccontextmanager
async def line(
    broker: Broker, influx: ScriptedInflux, folder: Path
) -> AsyncIterator[tuple[Collecting, Device]]:
    """A device, a broker, a collector and an InfluxDB."""
    store = InfluxStore(InfluxConfig(url=influx.url), gate=Gate(first_s=0.0))
    with contextlib.closing(store):
        async with (
            collecting(broker.port, folder, other_store=store) as collector,
            connected(broker) as device,
        ):
            yield collector, device


async def test_a_refused_point_is_quarantined(broker: Broker, tmp_path: Path, influx: ScriptedInflux):
    """Its device may forget it, because it is kept here with the store's words; its neighbours are stored."""
    influx.fault = lambda line: "field type conflict" if '",seq=2i' in line else None
    async with line(broker, influx, tmp_path) as (collector, device):
        device.send([1, 2, 3])
        await until(lambda: device.rejected and device.stored)
        assert device.stored == {1, 3}
        assert device.rejected[2].reason.startswith("store_refused: ")
        assert "field type conflict" in device.rejected[2].reason
        (letter,) = collector.letters.list()
        assert (letter.device, letter.reason) == ("desa-1", "store_refused")
        assert collector.metric("pantau_ingest_refused_total", reason="store_refused") == 1
        assert any("state=rejected first_seq=2i,last_seq=2i" in one for one in influx.stored)


async def test_without_dead_letters_nothing_is_quarantined(
    broker: Broker, tmp_path: Path, influx: ScriptedInflux
):
    """Where the quarantine cannot be written the device keeps everything."""
    influx.fault = lambda line: "field type conflict" if '",seq=2i' in line else None
    async with line(broker, influx, tmp_path) as (collector, device):
        collector.letters.close()
        device.send([1, 2, 3])
        await until(lambda: device.deferred)
        assert (device.stored, device.rejected, set(device.deferred)) == (set(), {}, {1, 2, 3})


async def test_a_store_that_refuses_everything(broker: Broker, tmp_path: Path, influx: ScriptedInflux):
    """A wrong token defers everything with `store_refuses`, until somebody has mended it. Both are logged."""
    influx.script = [Answer(401, b'{"error":"unauthorized access"}')] * 2
    async with line(broker, influx, tmp_path) as (collector, device):
        with capture_logs() as logs:
            for count in (1, 2):
                device.send([1, 2], attempt=count)
                await until(lambda: len(device.acks) == count)  # noqa: B023 - it waits here
            assert {entry.reason for entry in device.deferred.values()} == {"store_refuses"}
            assert not collector.ingest.store_healthy
            device.send([1, 2], attempt=3)
            await until(lambda: device.stored == {1, 2})
        assert [(entry["event"], entry["log_level"]) for entry in logs] == [
            ("store.refuses", "error"),
            ("store.recovered", "info"),
        ]
        assert "unauthorized access" in logs[0]["reason"]
        assert collector.metric("pantau_ingest_deferred_total", reason="store_refuses") == 4
        assert collector.letters.count() == 0


async def test_a_store_that_wants_time(broker: Broker, tmp_path: Path, influx: ScriptedInflux):
    """Devices are told to stay away as long as the store wants to be left alone."""
    influx.script = [Answer(429, b"", {"Retry-After": "777"})]
    async with line(broker, influx, tmp_path) as (_, device):
        device.send([1])
        await until(lambda: device.deferred)
        assert (device.deferred[1].reason, device.deferred[1].retry_after_s) == ("store_unavailable", 777.0)
        assert device.stored == set()


async def test_a_collector_with_a_real_influxdb(broker: Broker, tmp_path: Path):
    """The collector as it is installed fills a real InfluxDB, and the audit proves that it is complete."""
    config = processes.settings(tmp_path, broker.port).file
    with influxd.running(tmp_path) as server:
        text = _STORE.format(url=server.url, database=server.new_database())
        config.write_text(config.read_text().replace("\n[ingest]", text + "\n[ingest]"))
        with processes.running(config, tmp_path / "collector.log"):
            async with connected(broker) as device:
                await until(lambda: "broker.connected" in (tmp_path / "collector.log").read_text())
                for attempt in (1, 2):
                    device.send(range(1, 101), attempt=attempt)
                    await until(lambda: len(device.acks) >= attempt)  # noqa: B023 - it waits here
                assert device.stored == set(range(1, 101))
        command = [*processes.COMMAND, "--config", str(config), "audit", "--json"]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (account,) = json.loads(done.stdout)["spools"]
    assert (account["last_seq"], account["received_count"], account["lost"]) == (100, 100, [])
