"""The plan of each direction, the same for every engine that loads the line itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes.speed.load import Plan

if TYPE_CHECKING:
    from pantau_agent.probes.speed.target import SpeedTarget


def download_plan(target: SpeedTarget) -> Plan:
    """Return the plan of the download: it may use half of the byte budget."""
    return Plan(
        duration_s=target.download_s,
        discard_s=target.download_discard_s,
        sample_s=target.sample_s,
        stable_stop=target.stable_stop,
        max_bytes=-(-target.max_bytes // 2) if target.max_bytes is not None else None,
    )


def upload_plan(target: SpeedTarget, downloaded_bytes: int) -> Plan:
    """Return the plan of the upload: it may use what the download left of the byte budget."""
    return Plan(
        duration_s=target.upload_s,
        discard_s=target.upload_discard_s,
        sample_s=target.sample_s,
        stable_stop=target.stable_stop,
        max_bytes=max(target.max_bytes - downloaded_bytes, 0) if target.max_bytes is not None else None,
    )
