"""The analysis as the collector's child: a process of its own, so that no ack waits for it.

Its arrays and loops would hold the interpreter's lock for milliseconds at a time. It ends when its standard
input does, so that a killed collector leaves none behind; one that dies is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = structlog.get_logger()

_FIRST_RETRY_S = 5.0
_LONGEST_RETRY_S = 300.0
_STEADY_S = 600.0
_PATIENCE_S = 20.0


async def keep_running(config_path: Path | None) -> None:
    """Have a child analyse, and start another when it ends, until cancelled."""
    arguments = ["--config", str(config_path)] if config_path else []
    retry_s = _FIRST_RETRY_S
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        code = await _run_once(arguments)
        if loop.time() - began_s > _STEADY_S:
            retry_s = _FIRST_RETRY_S
        log.error("analysis.died", exit_code=code, again_in_s=retry_s)
        await asyncio.sleep(retry_s)
        retry_s = min(2 * retry_s, _LONGEST_RETRY_S)


async def _run_once(arguments: Sequence[str]) -> int:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "pantau_collector",
        *arguments,
        "analyse",
        "--with-parent",
        stdin=asyncio.subprocess.PIPE,
    )
    try:
        return await child.wait()
    finally:
        if child.returncode is None:
            await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    child.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), _PATIENCE_S)
        return
    child.kill()
    await child.wait()
