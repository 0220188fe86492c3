"""How fast our speed engine is over loopback, and what it costs.

The real testpoint runs as a process; the engine's download and upload run here with 1 and 4 streams, and
share the machine's cores with it. Goodput (RFC 2647) is what the engine reports after its ramp-up; CPU
seconds are those of this whole process, pings and samples included, over all payload that moved.
`python -m benchmarks.speed_engine` prints the rows.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_agent.probes.base import TestTraffic
from pantau_agent.probes.speed import SpeedTarget
from pantau_agent.probes.speed.account import LineAccount
from pantau_agent.probes.speed.http import directions
from pantau_agent.probes.speed.http.peer import find_peer
from pantau_agent.probes.speed.transport.connection import Stop
from pantau_agent.probes.speed.transport.server import resolve
from pantau_agent.probes.speed.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pantau_agent.probes.speed.result import Direction

STREAMS = (1, 4)
DURATION_S = 3.0
DISCARD_S = 0.5
READY_WITHIN_S = 20.0
GBIT = 1e9


def run() -> list[dict[str, object]]:
    """Return one row for each direction and number of streams."""
    with _testpoint() as url:
        return [row for streams in STREAMS for row in _rows(url, streams)]


def _rows(url: str, streams: int) -> list[dict[str, object]]:
    target = SpeedTarget(
        url=url,
        streams=streams,
        download_s=DURATION_S,
        upload_s=DURATION_S,
        download_discard_s=DISCARD_S,
        upload_discard_s=DISCARD_S,
    )
    trial = Trial(target=target, test_traffic=TestTraffic(), report=lambda _: None, stop=Stop())
    peer = find_peer(trial, resolve(str(target.url)))
    account = LineAccount(peer.server.sockaddr, trial.test_traffic)
    return [
        _row("download", streams, lambda: directions.download(trial, peer, account)),
        _row("upload", streams, lambda: directions.upload(trial, peer, account, 0)),
    ]


def _row(name: str, streams: int, load: Callable[[], Direction]) -> dict[str, object]:
    cpu_begun_s = time.process_time()
    found = load()
    cpu_s = time.process_time() - cpu_begun_s
    assert found.goodput is not None
    return {
        "direction": name,
        "streams_count": streams,
        "goodput_bps": round(found.goodput.bps),
        "payload_bytes": found.payload_bytes,
        "cpu_s_per_gbit": round(cpu_s / (found.payload_bytes * 8 / GBIT), 4),
        "loaded_rtd_p50_ms": sorted(found.loaded_rtd_ms)[len(found.loaded_rtd_ms) // 2],
        "interface_ratio": found.interface_ratio,
    }


@contextlib.contextmanager
def _testpoint() -> Iterator[str]:
    """Run a testpoint on free ports; yield its URL."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        binary = Path(sys.executable).parent / "pantau-testpoint"
        options = ["--http-port", "0", "--stamp-port", "0", "--log", "text"]
        process = subprocess.Popen([binary, *options, "--ready-file", ready], stdout=sys.stderr)
        try:
            yield f"http://127.0.0.1:{_http_port(process, ready)}"
        finally:
            process.terminate()
            process.wait()


def _http_port(process: subprocess.Popen[bytes], ready: Path) -> int:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError(f"the testpoint ended with code {process.returncode}")
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return int(json.loads(ready.read_text())["http_port"])
        time.sleep(0.05)
    raise RuntimeError(f"the testpoint was not ready within {READY_WITHIN_S} s")


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
