"""A Raspberry Pi's throttling flags by `vcgencmd`, where the kernel has no file of them.

A process a minute costs a small device something, so that a tool which cannot answer is not asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from asyncio import subprocess

from pantau_agent.probes.throttling import parse_flags

_TOOL = "vcgencmd"
_TIMEOUT_S = 5.0


class FirmwareTool:
    """Asks the tool; None for ever once it could not tell."""

    def __init__(self) -> None:
        """Begin without knowing whether there is a tool."""
        self._tool: str | None = None
        self._is_useless = False

    async def throttling_flags(self) -> int | None:
        """Return the flags, or None where there is no tool that we may use."""
        if self._is_useless:
            return None
        self._tool = self._tool or shutil.which(_TOOL)
        flags = await _ask(self._tool) if self._tool is not None else None
        self._is_useless = flags is None
        return flags


async def _ask(tool: str) -> int | None:
    try:
        process = await asyncio.create_subprocess_exec(
            tool, "get_throttled", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        await _end(process)
    name, _, digits = printed.decode("ascii", "replace").strip().partition("=")
    return parse_flags(digits) if name == "throttled" else None


async def _end(process: subprocess.Process) -> None:
    """Leave no process behind, also when we are cancelled."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
