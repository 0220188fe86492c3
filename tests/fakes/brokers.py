"""Real brokers as peers on loopback: Mosquitto, and the rumqttd out of the `iotcore` wheel."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pantau_demo import broker as recipes
from pantau_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("mosquitto", "embedded")
HOST = "127.0.0.1"
_START_TIMEOUT_S = 30.0


def free_port() -> int:
    """Return a TCP port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Broker:
    """One broker's process. Its port stays the same when it is started again."""

    kind: str
    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        with (self.folder / f"{self.kind}.log").open("ab") as log:
            command = recipes.command(self.kind, self.port, self.folder)
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _answers(self.port):
            assert self._process.poll() is None, f"{self.kind} ended; see {self.folder}"
            assert time.monotonic() < deadline, f"{self.kind} does not listen; see {self.folder}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._process is not None
        return self._process.pid


@contextlib.contextmanager
def running(kind: str, folder: Path) -> Iterator[Broker]:
    """Yield a started broker; skip the test where its program is not installed."""
    broker = Broker(kind, folder)
    try:
        broker.start()
    except DemoError as missing:
        pytest.skip(str(missing))
    try:
        yield broker
    finally:
        broker.kill()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
