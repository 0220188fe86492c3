"""How busy the processor is, from the system's counters of time."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

import psutil


class CpuReading(NamedTuple):
    """Seconds since boot: of all cores, of those the idle ones, and of the agent; and when this was read."""

    all_s: float
    idle_s: float
    agent_s: float
    at_s: float


def read_cpu() -> CpuReading:
    """Return the processor's and our own counters of time."""
    times = psutil.cpu_times()
    guest_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user as well
    idle_s = times.idle + getattr(times, "iowait", 0.0)
    own = os.times()
    return CpuReading(sum(times) - guest_s, idle_s, own.user + own.system, time.monotonic())


def busy_ratio(before: CpuReading, after: CpuReading) -> float | None:
    """Return the share of all cores in use between two readings, None if no time passed."""
    all_s = after.all_s - before.all_s
    if all_s <= 0:
        return None
    return min(max(1 - (after.idle_s - before.idle_s) / all_s, 0.0), 1.0)


def agent_ratio(before: CpuReading, after: CpuReading) -> float | None:
    """Return the share of one core that this process used between two readings."""
    elapsed_s = after.at_s - before.at_s
    return max(after.agent_s - before.agent_s, 0.0) / elapsed_s if elapsed_s > 0 else None
