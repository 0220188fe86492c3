"""A device that nobody registered yet: the agent's spool and publisher, Mosquitto, a collector's process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from tests.agent.support.device import Device, open_spool, running, until
from tests.collector.ingest import processes
from tests.fakes import brokers

from pantau_collector.audit import audit
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

NEW, NEIGHBOUR = "desa-7", "desa-1"
BACKLOG = 3000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[brokers.Broker]:
    with brokers.running("mosquitto", tmp_path) as started:
        yield started


@contextlib.asynccontextmanager
async def collecting(
    broker: brokers.Broker, folder: Path, patch: pytest.MonkeyPatch, retry_s: float
) -> AsyncIterator[processes.Settings]:
    """A running collector that asks who is not registered to come back after so long."""
    patch.setenv("PANTAU_COLLECTOR_INGEST__UNREGISTERED_RETRY_S", str(retry_s))
    settings = processes.settings(folder / "collector", broker.port)
    log = folder / "collector.log"
    with processes.running(settings.file, log) as process:
        await until(lambda: "broker.connected" in log.read_text() or process.poll() is not None)
        yield settings


def device_of(folder: Path, name: str, port: int) -> Device:
    (folder / name).mkdir(exist_ok=True)
    patient = {"first_resend_s": 60, "max_resend_s": 60}
    return Device(open_spool(folder / name), name, port, **patient)


def all_is_deferred(device: Device) -> bool:
    """Whether every record was answered, and waits for the time that the collector asked for."""
    window = device.publisher._window
    now = time.monotonic()
    return (
        window.in_flight_count == 0
        and window._live is None
        and all(span.ready_at > now for span in window._waiting)
    )


async def measuring_until_stored(device: Device, count: int) -> None:
    """Measure as an agent does, until so many more are stored."""
    until_count = device.spool.state().stored_count + count
    deadline = time.monotonic() + 60
    while device.spool.state().stored_count < until_count:
        assert time.monotonic() < deadline
        device.measure(1, "live")
        await asyncio.sleep(0.2)


async def test_a_device_that_is_not_registered_waits_and_is_complete_once_it_is(
    broker: brokers.Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is stored before and nothing is missing after, without anybody touching the device."""
    new = device_of(tmp_path, NEW, broker.port)
    new.measure(BACKLOG)
    async with collecting(broker, tmp_path, monkeypatch, retry_s=2) as settings, running(new):
        await until(lambda: all_is_deferred(new), "the deferral")
        assert new.spool.state().stored_count == 0
        settings.register(NEIGHBOUR, NEW)
        await until(lambda: new.depth == 0, "the delivery")
    with contextlib.closing(SqliteStore(settings.folder / "pantau.db")) as store:
        assert store.stored_seqs(NEW, new.spool.spool_id) == [(1, BACKLOG)]
        (account,) = audit(store, [NEW])
    assert account.complete
    assert (account.received_count, account.rejected_count, account.dropped_count) == (BACKLOG, 0, 0)
    new.spool.close()


async def test_a_deferred_backlog_delays_neither_its_own_live_data_nor_a_neighbours(
    broker: brokers.Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backlog was told to come back in ten minutes. What is measured after the registration is stored at
    once, and so is what a neighbour measures all the time; a restart of the agent tries the backlog anew.
    """
    new, neighbour = (device_of(tmp_path, name, broker.port) for name in (NEW, NEIGHBOUR))
    new.measure(BACKLOG)
    async with collecting(broker, tmp_path, monkeypatch, retry_s=600) as settings:
        async with running(neighbour):
            async with running(new):
                await until(lambda: all_is_deferred(new), "the deferral")
                await measuring_until_stored(neighbour, 5)
                settings.register(NEIGHBOUR, NEW)
                await measuring_until_stored(new, 5)
                assert new.depth >= BACKLOG, "the backlog came before its time"
            again = Device(new.spool, NEW, broker.port)
            async with running(again):
                await until(lambda: again.depth == 0, "the delivery")
        await until(lambda: neighbour.depth == 0)
    with contextlib.closing(SqliteStore(settings.folder / "pantau.db")) as store:
        assert store.stored_seqs(NEW, new.spool.spool_id) == [(1, new.spool.last_seq)]
    for device in (new, neighbour):
        device.spool.close()
