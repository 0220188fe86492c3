"""`pantau-collector run` as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest import processes
from tests.collector.ingest.device import connected
from tests.collector.ingest.waiting import until
from tests.fakes import brokers
from tests.fakes.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 60


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[brokers.Broker]:
    with brokers.running("embedded", tmp_path) as started:
        yield started


def refused(settings: processes.Settings, **environment: str) -> str:
    """Run a collector that cannot start; return what it says."""
    done = subprocess.run(
        [*processes.COMMAND, "--config", str(settings.file), "run"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pantau-collector: ")
    assert "Traceback" not in done.stderr
    return done.stderr.removeprefix("pantau-collector: ").strip()


def test_a_busy_port(tmp_path: Path):
    """When another program has the portal's port the message says which setting to change."""
    settings = processes.settings(tmp_path, web=True)
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        assert refused(settings, PANTAU_COLLECTOR_WEB__PORT=str(port)) == (
            f"cannot serve the portal at 127.0.0.1:{port}: Address already in use; choose another port with"
            " web.port in the configuration, or PANTAU_COLLECTOR_WEB__PORT"
        )


def test_a_broken_registry(tmp_path: Path):
    """A registry with a fault is refused with the file, the line and what to do."""
    settings = processes.settings(tmp_path)
    (tmp_path / "devices.csv").write_text(
        "device,village,since\ndesa-1,33.10.26.2998,2025-01-01T00:00:00+07:00\n"
    )
    assert refused(settings).startswith(f"{tmp_path}/devices.csv:2: unknown village code '33.10.26.2998'")


def test_no_registry(tmp_path: Path):
    """Without a registry the collector does not start, and says how to begin one."""
    settings = processes.settings(tmp_path)
    (tmp_path / "devices.csv").unlink()
    assert "pantau-collector registry add" in refused(settings)


def test_a_store_that_cannot_be_made(tmp_path: Path):
    """A store that cannot be opened is named."""
    settings = processes.settings(tmp_path)
    (tmp_path / "file").touch()
    text = refused(settings, PANTAU_COLLECTOR_STORE__PATH=f"{tmp_path}/file/pantau.db")
    assert text.startswith(f"{tmp_path}/file/pantau.db: ")


def test_certificates_that_are_not_there(tmp_path: Path):
    """TLS without its certificates is refused; nothing is sent in the clear instead."""
    text = refused(processes.settings(tmp_path), PANTAU_COLLECTOR_BROKER__CA_FILE=f"{tmp_path}/absent.crt")
    assert text == "broker: cannot use the certificates: [Errno 2] No such file or directory"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_an_orderly_end(broker: brokers.Broker, tmp_path: Path, stop: signal.Signals):
    """Stopped by a signal, the collector ends with exit code 0, and what it has acknowledged is there."""
    settings = processes.settings(tmp_path / "c", broker.port)
    log = tmp_path / "collector.log"
    with processes.running(settings.file, log) as process:
        await until(lambda: "broker.connected" in log.read_text() or process.poll() is not None)
        async with connected(broker) as device:
            device.send([1, 2, 3])
            await until(lambda: device.stored == {1, 2, 3})
        process.send_signal(stop)
        await until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert "collector.stopped" in log.read_text()
    assert "Traceback" not in log.read_text()


async def test_an_orderly_end_without_a_broker(tmp_path: Path):
    """A collector that seeks its broker in vain ends in order too."""
    settings = processes.settings(tmp_path, brokers.free_port())
    log = tmp_path / "collector.log"
    with processes.running(settings.file, log) as process:
        await until(lambda: "broker.lost" in log.read_text() or process.poll() is not None)
        process.terminate()
        await until(lambda: process.poll() is not None)
    assert (process.returncode, "Traceback" in log.read_text()) == (0, False)


async def test_a_device_is_taken_once_it_is_registered(broker: brokers.Broker, tmp_path: Path):
    """A technician adds a device to the registry, and the running collector takes its backlog."""
    settings = processes.settings(tmp_path / "c", broker.port)
    log = tmp_path / "collector.log"
    with processes.running(settings.file, log) as process:
        await until(lambda: "broker.connected" in log.read_text() or process.poll() is not None)
        async with connected(broker, "desa-7") as device:
            device.send([1, 2])
            await until(lambda: set(device.deferred) == {1, 2})
            settings.register("desa-1", "desa-7")
            await _send_until_stored(device, [1, 2])
        assert process.poll() is None


async def _send_until_stored(device, seqs: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not device.stored >= set(seqs):
        assert time.monotonic() < deadline
        answers = len(device.acks)
        device.send(seqs, attempt=2)
        await until(lambda: len(device.acks) > answers)  # noqa: B023 - it waits here


async def test_the_portal_is_served(broker: brokers.Broker, tmp_path: Path):
    """With the portal on, a free port is announced in the log and answers; the end is in order."""
    settings = processes.settings(tmp_path / "c", broker.port, web=True)
    log = tmp_path / "collector.log"
    with processes.running(settings.file, log) as process:
        await until(lambda: "portal.listening" in log.read_text() or process.poll() is not None)
        url = next(line for line in log.read_text().splitlines() if "portal.listening" in line)
        url = url.partition('"url": "')[2].partition('"')[0]
        await until(lambda: _answers(f"{url}metrics"))
        process.terminate()
        await until(lambda: process.poll() is not None)
    assert (process.returncode, "Traceback" in log.read_text()) == (0, False)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return b"pantau_ingest_envelopes_total" in answer.read()
    except OSError:
        return False
