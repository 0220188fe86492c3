"""The analysis as real processes: one works, the next takes over, none outlives its collector."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest import processes
from tests.collector.storage.building import dns

from pantau_collector.storage.base import Batch
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 120.0


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def events(log: Path) -> list[str]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


def configured(folder: Path, client_id: str) -> Path:
    file = processes.settings(folder, client_id=client_id).file
    file.write_text(f"{file.read_text()}\n[analysis]\nlease_s = 5\n")
    return file


def test_the_other_takes_over(tmp_path: Path):
    """Of two one works; after its SIGKILL the other does, from where the first one was."""
    files = [configured(tmp_path, name) for name in ("collector-1", "collector-2")]
    with contextlib.closing(SqliteStore(tmp_path / "pantau.db")) as store:
        store.write(Batch.of([dns(1)]))
        logs = [tmp_path / f"{number}.log" for number in range(2)]
        running = [start(file, log) for file, log in zip(files, logs, strict=True)]
        try:
            until(lambda: any("analysis.begun" in events(log) for log in logs))
            until(lambda: store.series("analysis_cursor"))
            (first,) = [number for number in range(2) if "analysis.begun" in events(logs[number])]
            running[first].kill()
            running[first].wait()
            until(lambda: "analysis.begun" in events(logs[1 - first]))
            running[1 - first].send_signal(signal.SIGTERM)
            assert running[1 - first].wait(PATIENCE_S) == 0
            assert events(logs[1 - first])[-1] == "analysis.stopped"
        finally:
            for process in running:
                process.kill()
                process.wait()


def start(file: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen([*processes.COMMAND, "--config", str(file), "analyse"], stderr=output)


def children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    try:
        return b"analyse" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc")
def test_none_outlives_its_collector(tmp_path: Path):
    """The collector starts one, another when that is killed, and takes it along when killed itself."""
    log = tmp_path / "collector.log"
    with processes.running(configured(tmp_path, "collector-1"), log) as collector:
        until(lambda: children(collector.pid))
        (first,) = children(collector.pid)
        until(lambda: "analysis.begun" in events(log))
        os.kill(first, signal.SIGKILL)
        until(lambda: "analysis.died" in events(log))
        until(lambda: children(collector.pid))
        (second,) = children(collector.pid)
        assert second != first
        until(lambda: alive(second))
        collector.kill()
        until(lambda: not alive(second))
