"""Where measurements wait: the spool's file, its folder, the disk below it."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.errors import SpoolDamagedError, SpoolError
from pantau_agent.i18n import _
from pantau_agent.spool import in_use, read_state

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_agent.config import AgentConfig
    from pantau_agent.spool import SpoolState

_MEGA = 1_000_000
_LEAST_FREE_BYTES = 20_000_000  # below it SQLite itself begins to fail


async def spool(config: AgentConfig) -> list[Finding]:
    """Tell whether the spool can be written and is whole. Looks only: makes and mends nothing."""
    path = config.spool.path
    folder = existing_folder(path)
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        detail = _("this user may not write {path}").format(path=path)
        advice = _("Run the doctor as the agent's user (sudo -u USER pantau-agent doctor), or as root.")
        return [warning("spool", detail, advice)]
    try:
        if not await asyncio.to_thread(path.exists):
            return [ok("spool", _("{path}: the first run will make it").format(path=path))]
        state = await asyncio.to_thread(read_state, path)
    except SpoolDamagedError as error:
        advice = _(
            "Replace the SD card, it is probably failing; the next start puts the file aside: keep it."
        )
        return [problem("spool", str(error), advice)]
    except SpoolError as error:
        return [problem("spool", str(error), _("Check [spool] path in the configuration."))]
    return [_judge(path, state, running=in_use(path))]


def _judge(path: Path, state: SpoolState, *, running: bool) -> Finding:
    detail = _("{path}: {count} records wait, {size} MB").format(
        path=path, count=state.depth_count, size=f"{state.size_bytes / _MEGA:.1f}"
    )
    detail += "; " + (_("an agent is running") if running else _("no agent is running"))
    if state.rejected_count or state.dropped_count:
        detail += "; " + _("{dropped} dropped, {rejected} rejected").format(
            dropped=state.dropped_count, rejected=state.rejected_count
        )
    return ok("spool", detail)


async def disk(config: AgentConfig) -> list[Finding]:
    """Tell whether the spool may grow to its limit."""
    path = config.spool.path
    free_bytes = shutil.disk_usage(existing_folder(path)).free
    used_bytes = path.stat().st_size if os.access(path, os.F_OK) else 0
    detail = _("{free} MB free, the spool may take {limit} MB").format(
        free=free_bytes // _MEGA, limit=config.spool.max_bytes // _MEGA
    )
    advice = _("Free some space, or lower [spool] max_bytes.")
    if free_bytes < _LEAST_FREE_BYTES:
        return [problem("disk", detail, advice)]
    if free_bytes < config.spool.max_bytes - used_bytes:
        return [warning("disk", detail, advice)]
    return [ok("disk", detail)]


def existing_folder(path: Path) -> Path:
    """Return the nearest folder above `path` that exists."""
    return next(folder for folder in path.absolute().parents if os.access(folder, os.F_OK))
