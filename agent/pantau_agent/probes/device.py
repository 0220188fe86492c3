"""The health of the device and of the agent on it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from pantau_wire import __version__
from pantau_wire.fields import Device

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context

THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_THROTTLED_NOW = 0xF
"""Bits 0 to 3: under-voltage, frequency capped, throttled, soft temperature limit, each at this moment."""

_SENSORS = ("cpu_thermal", "cpu-thermal", "soc_thermal", "coretemp", "k10temp", "zenpower", "acpitz")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTarget:
    """Nothing to choose: the device is this one."""

    throttled_file: Path = THROTTLED


class CpuReading(NamedTuple):
    """Seconds since boot: of all cores, of those the idle ones, and of the agent; and when this was read."""

    all_s: float
    idle_s: float
    agent_s: float
    at_s: float


class DeviceProbe:
    """Reads the device's state. CPU shares are those between two calls, so the first has none."""

    def __init__(self) -> None:
        """Begin without a reading."""
        self._last: CpuReading | None = None

    async def __call__(self, target: DeviceTarget, context: Context) -> Device:
        """Return what can be read; what cannot is absent."""
        state = context.agent_state()
        memory = psutil.virtual_memory()
        cpu_ratio, agent_cpu_ratio = self._cpu_ratios()
        return Device(
            agent_version=__version__,
            uptime_s=uptime_s(),
            cpu_ratio=cpu_ratio,
            agent_cpu_ratio=agent_cpu_ratio,
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            agent_rss_bytes=psutil.Process().memory_info().rss,
            temperature_celsius=temperature_celsius(),
            throttled=throttled(target.throttled_file),
            clock_state=state.clock,
            clock_offset_ms=state.clock_offset_ms,
            spool_depth_count=state.spool_depth_count,
            spool_bytes=state.spool_bytes,
            dropped_count=state.dropped_count,
            rejected_count=state.rejected_count,
            budget_used_bytes=state.budget_used_bytes,
            budget_bytes=state.budget_bytes,
        )

    def _cpu_ratios(self) -> tuple[float | None, float | None]:
        now = read_cpu()
        last, self._last = self._last, now
        if last is None:
            return None, None
        return busy_ratio(last, now), agent_ratio(last, now)


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


def uptime_s() -> float:
    """Return seconds since boot, sleep included, from a clock that is never stepped where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is not None:
        return time.clock_gettime(clock)
    return max(time.time() - psutil.boot_time(), 0.0)


def temperature_celsius() -> float | None:
    """Return the processor's temperature: the sensor known for it, else the first there is, else None."""
    read = getattr(psutil, "sensors_temperatures", None)
    sensors = read() if read is not None else {}
    names = [name for name in _SENSORS if sensors.get(name)] or [name for name in sensors if sensors[name]]
    return float(sensors[names[0]][0].current) if names else None


def throttled(file: Path = THROTTLED) -> bool | None:
    """Tell whether heat or a weak supply slows a Raspberry Pi down now; None elsewhere."""
    try:
        flags = int(file.read_text(encoding="ascii").strip(), 16)
    except (OSError, ValueError):
        return None
    return bool(flags & _THROTTLED_NOW)
