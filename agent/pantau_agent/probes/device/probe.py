"""Puts together what the kernel, the processor's sensors and the agent itself tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import psutil

from pantau_agent import clock
from pantau_agent.probes import throttling
from pantau_agent.probes.device import cpu
from pantau_agent.probes.device.clock_daemon import PROC, ClockDaemonFinder
from pantau_agent.probes.device.firmware_tool import FirmwareTool
from pantau_agent.probes.throttling import Throttling
from pantau_wire import __version__
from pantau_wire.fields import Device

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_agent.probes.base import Context
    from pantau_agent.probes.device.cpu import CpuReading

_SENSORS = ("cpu_thermal", "cpu-thermal", "soc_thermal", "coretemp", "k10temp", "zenpower", "acpitz")
_COLDEST_CELSIUS, _HOTTEST_CELSIUS = -40, 150


@dataclass(frozen=True, slots=True)
class DeviceTarget:
    """Nothing to choose: the device is this one."""


class DeviceFiles(NamedTuple):
    """Where Linux shows the device; other places for tests."""

    sys: Path = throttling.SYS
    proc: Path = PROC


class DeviceProbe:
    """Reads the device's state. Shares and events are those between two calls, so the first has none."""

    def __init__(self, files: DeviceFiles | None = None) -> None:
        """Begin without a reading; take other files for tests."""
        self._sys, proc = files or DeviceFiles()
        self._clock_daemon = ClockDaemonFinder(proc)
        self._firmware = FirmwareTool()
        self._last_cpu: CpuReading | None = None
        self._last_events_count: int | None = None

    async def __call__(self, target: DeviceTarget, context: Context) -> Device:  # noqa: ARG002 - as all probes
        """Return what can be read; what cannot is absent."""
        state = context.agent_state()
        memory = psutil.virtual_memory()
        cpu_ratio, agent_cpu_ratio = self._cpu_ratios()
        throttled = await self._throttling()
        return Device(
            agent_version=__version__,
            boot_id=clock.boot_id(),
            uptime_s=uptime_s(),
            cpu_ratio=cpu_ratio,
            agent_cpu_ratio=agent_cpu_ratio,
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            agent_rss_bytes=psutil.Process().memory_info().rss,
            temperature_celsius=temperature_celsius(),
            throttled=throttled.now,
            throttling_flags_count=throttled.flags,
            clock_state=state.clock,
            clock_offset_ms=state.clock_offset_ms,
            clock_daemon=self._clock_daemon.find(state.clock),
            clock_error_ms=clock.max_error_ms(),
            spool_depth_count=state.spool_depth_count,
            spool_bytes=state.spool_bytes,
            dropped_count=state.dropped_count,
            rejected_count=state.rejected_count,
            budget_used_bytes=state.budget_used_bytes,
            budget_bytes=state.budget_bytes,
            budget_state=state.budget_state,
            remote_config_version_count=state.remote_config_version_count,
        )

    def _cpu_ratios(self) -> tuple[float | None, float | None]:
        now = cpu.read_cpu()
        last, self._last_cpu = self._last_cpu, now
        if last is None:
            return None, None
        return cpu.busy_ratio(last, now), cpu.agent_ratio(last, now)

    async def _throttling(self) -> Throttling:
        found = throttling.read(self._sys)
        flags = found.flags if found.flags is not None else await self._firmware.throttling_flags()
        signs = [found.now, throttling.is_now(flags), self._throttled_since_last()]
        return Throttling(flags, throttling.any_known(signs))

    def _throttled_since_last(self) -> bool | None:
        """Tell whether an x86 processor throttled itself since the last call; None elsewhere."""
        count = throttling.events_count(self._sys)
        last, self._last_events_count = self._last_events_count, count
        return count > last if count is not None and last is not None else None


def uptime_s() -> float:
    """Return seconds since boot, sleep included, from a clock that is never stepped where there is one."""
    clock_id = getattr(time, "CLOCK_BOOTTIME", None)
    if clock_id is not None:
        return time.clock_gettime(clock_id)
    return max(time.time() - psutil.boot_time(), 0.0)


def temperature_celsius() -> float | None:
    """Return the processor's temperature: the sensor known for it, else the first there is, else None.

    A sensor that shows what no processor could survive is broken and left out.
    """
    read = getattr(psutil, "sensors_temperatures", None)
    sensors = read() if read is not None else {}
    ordered = [
        *(name for name in _SENSORS if name in sensors),
        *(name for name in sensors if name not in _SENSORS),
    ]
    shown = [float(entry.current) for name in ordered for entry in sensors[name][:1]]
    return next((value for value in shown if _COLDEST_CELSIUS <= value <= _HOTTEST_CELSIUS), None)
