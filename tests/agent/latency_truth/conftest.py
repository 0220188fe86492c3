"""What the truth tests of the latency probe share: a testpoint on the far host, the probe on the near one."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.network import Host

MEASURING = Path(__file__).with_name("measuring.py")
HTTP_PORT = 8989
_PATIENCE_S = 20.0

Measure = Callable[..., list[Latency]]
Testpoint = Callable[..., Any]


@pytest.fixture
def measure() -> Measure:
    """Return what probes targets from a host, at once or one after the other."""

    def run(host: Host, targets: list[dict[str, Any]], *, at_once: bool = False) -> list[Latency]:
        arguments = [json.dumps(targets), "all" if at_once else "one"]
        command = host.command([sys.executable, str(MEASURING), *arguments])
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        return [Latency(**{key: value for key, value in item.items() if key != "kind"}) for item in found]

    return run


@pytest.fixture
def stamp_key_file(tmp_path: Path) -> Path:
    """Return a file with a key that both sides have."""
    file = tmp_path / "stamp.key"
    file.write_text(secrets.token_hex(32), encoding="ascii")
    file.chmod(0o600)
    return file


@pytest.fixture
def testpoint_on(tmp_path: Path, stamp_key_file: Path) -> Testpoint:
    """Return what runs our testpoint on a host; its reflector on `stamp_port` takes signed packets too."""

    @contextmanager
    def run(host: Host, *, stamp_port: int, http_port: int = HTTP_PORT) -> Iterator[None]:
        ready = tmp_path / f"ready-{stamp_port}.json"
        options = ["--listen", "0.0.0.0", "--http-port", str(http_port), "--stamp-port", str(stamp_port)]
        options += ["--stamp-key-file", str(stamp_key_file), "--stamp-accept", "both"]
        command = [sys.executable, "-m", "pantau_testpoint", *options, "--ready-file", str(ready)]
        process = host.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await(ready, process)
            yield
        finally:
            ready.unlink(missing_ok=True)
            process.terminate()
            process.wait()

    return run


def _await(ready: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not ready.exists():
        assert process.poll() is None, "the testpoint ended"
        assert time.monotonic() < deadline_s, "the testpoint did not begin in time"
        time.sleep(0.02)
