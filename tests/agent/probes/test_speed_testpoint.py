"""The speed engine against our own testpoint, as a process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pantau_agent.probes.base import Context, Progress
from pantau_agent.probes.speed import SpeedTarget, speed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_wire.fields import Speed

SHORT: dict[str, Any] = {
    "download_s": 0.8,
    "upload_s": 0.8,
    "download_discard_s": 0.2,
    "upload_discard_s": 0.2,
    "idle_pings": 5,
    "ping_interval_s": 0.05,
}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A testpoint that takes one test at a time."""
    ready = tmp_path / "ready.json"
    options = ["--http-port", "0", "--stamp-port", "0", "--max-tests", "1", "--ready-file", str(ready)]
    process = subprocess.Popen(
        [sys.executable, "-m", "pantau_testpoint", *options], stdout=subprocess.DEVNULL
    )
    try:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield f"http://127.0.0.1:{json.loads(ready.read_text())['http_port']}"
    finally:
        process.terminate()
        process.wait()


async def measure(url: str, context: Context | None = None, **settings: Any) -> Speed:
    return await speed(SpeedTarget(**{"url": url, **SHORT, **settings}), context or Context())


async def test_both_directions_are_measured(url: str) -> None:
    found = await measure(url)
    assert found.failure is None, found.failure_detail
    assert found.download_goodput_bps
    assert found.upload_goodput_bps
    assert found.loaded_rtd_down_p95_ms
    assert found.loaded_rtd_up_p95_ms


async def test_a_second_test_finds_it_busy_and_the_first_is_not_disturbed(url: str) -> None:
    loading = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.phase == "download":
            loading.set()

    first = asyncio.create_task(measure(url, Context(on_progress=watch), download_s=3.0))
    await loading.wait()
    second = await measure(url, busy_wait_s=1)
    assert (second.failure, second.limited_by) == ("busy", "server")
    assert second.idle_rtd_p50_ms is not None
    assert (await first).failure is None
