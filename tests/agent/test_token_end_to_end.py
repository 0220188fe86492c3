"""Tokens from the operator's shell to the speed test: real Mosquitto, collector, testpoint and agent."""

from __future__ import annotations

import contextlib
import json
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.agent.support.process import AgentProcess, running
from tests.collector.ingest import processes
from tests.fakes import brokers

from pantau_collector.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEVICE = "desa-1"
PATIENCE_S = 60.0
_SPEED = """
[speed]
url = "{url}"
period_s = 3600
download_s = 0.8
upload_s = 0.8
download_discard_s = 0.2
upload_discard_s = 0.2
busy_line_tries = 0
"""


@dataclass
class Stack:
    """All the parts but the agent."""

    folder: Path
    broker_port: int
    collector: processes.Settings
    url: str

    def health(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/healthz").json())

    def agent(self, name: str) -> AgentProcess:
        folder = self.folder / name
        folder.mkdir()
        made = AgentProcess(folder, port=self.broker_port)
        text = made.config.read_text().replace('device = "desa-1"', f'device = "{name}"')
        made.config.write_text(text + _SPEED.format(url=self.url))
        return made


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Mosquitto, a collector with a key and `desa-1` in its registry, a testpoint that believes it."""
    assert main(["testpoint-key", "--out", str(tmp_path / "keys")]) == 0
    with brokers.running("mosquitto", tmp_path) as broker:
        settings = processes.settings(tmp_path / "collector", broker.port)
        key = tmp_path / "keys" / "testpoint-token.pem"
        settings.file.write_text(settings.file.read_text() + f'\n[testpoint]\nkey_file = "{key}"\n')
        settings.register(DEVICE)
        with (
            processes.running(settings.file, tmp_path / "collector.log"),
            guarding(tmp_path, tmp_path / "keys" / "testpoint-token.pub") as url,
        ):
            until_s = time.monotonic() + PATIENCE_S
            log = tmp_path / "collector.log"
            while "broker.connected" not in log.read_text():  # else nobody listens yet
                assert time.monotonic() < until_s
                time.sleep(0.05)
            yield Stack(tmp_path, broker.port, settings, url)


@contextlib.contextmanager
def guarding(folder: Path, keys: Path) -> Iterator[str]:
    ready = folder / "ready.json"
    words = ["--http-port", "0", "--stamp-port", "0", "--ready-file", str(ready), "--max-tests", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pantau_testpoint", *words, "--token-key-file", str(keys)],
        stderr=subprocess.DEVNULL,
    )
    try:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield f"http://127.0.0.1:{json.loads(ready.read_text())['http_port']}"
    finally:
        process.terminate()
        process.wait()


def test_a_registered_device_tests_and_a_stranger_takes_no_slot(stack: Stack) -> None:
    device, stranger = stack.agent(DEVICE), stack.agent("desa-2")
    token = device.spool.with_name("testpoint-token")
    with running(stranger), running(device):
        device.wait(token.exists, "the token")
        assert stat.S_IMODE(token.stat().st_mode) == 0o600

        done = device.call("test", "--engine", "http", "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        assert '"failure"' not in done.stdout

        refused = stranger.call("test", "--engine", "http", "--once", "--json")
        assert refused.returncode == 1
        assert "is the device registered, does it publish?" in refused.stdout
        stranger.wait(lambda: "publisher.connected" in stranger.log, "its connection")
        assert not stranger.spool.with_name("testpoint-token").exists()

    elsewhere = device.call("test", "--engine", "http", "--once", "--server", f"{stack.url}/")
    assert elsewhere.returncode == 1
    assert "no other server" in " ".join(elsewhere.stdout.split())
    health = stack.health()
    assert set(health["refused_tokens"]) == {"missing"}
    assert health["refused_count"] == 0


def test_a_device_gets_its_token_as_soon_as_it_is_registered(stack: Stack) -> None:
    """The deferred records of a stranger come without one; the first stored ones bring it."""
    agent = stack.agent("desa-2")
    with running(agent):
        agent.wait_for_records(5)
        stack.collector.register(DEVICE, "desa-2")
        agent.wait(agent.spool.with_name("testpoint-token").exists, "the token")
