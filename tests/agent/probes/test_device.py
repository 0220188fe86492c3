"""The device probe on this machine, and on a Raspberry Pi's files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import psutil
import pytest

from pantau_agent import clock
from pantau_agent.probes.base import AgentState, Context
from pantau_agent.probes.device import DeviceFiles, DeviceProbe, DeviceTarget
from pantau_agent.probes.device.cpu import CpuReading, agent_ratio, busy_ratio
from pantau_agent.probes.device.probe import temperature_celsius
from pantau_wire import __version__
from pantau_wire.fields import Device

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_state_of_machine_and_agent_is_reported() -> None:
    state = AgentState(clock="synced", clock_offset_ms=-3.5, spool_depth_count=7, budget_bytes=10**9)
    probe = DeviceProbe()
    first = await probe(DeviceTarget(), Context(agent_state=lambda: state))
    found = await probe(DeviceTarget(), Context(agent_state=lambda: state))
    assert first.cpu_ratio is None
    assert found.agent_version == __version__
    assert (found.clock_state, found.clock_offset_ms, found.spool_depth_count) == ("synced", -3.5, 7)
    assert found.dropped_count is None
    assert found.uptime_s is not None
    assert found.uptime_s > 0
    assert found.memory_used_bytes is not None
    assert found.memory_total_bytes is not None
    assert found.agent_rss_bytes is not None
    assert 0 < found.agent_rss_bytes < found.memory_used_bytes < found.memory_total_bytes
    assert msgspec.json.decode(msgspec.json.encode(found), type=Device) == found


def test_cpu_shares_are_those_between_two_readings() -> None:
    before = CpuReading(all_s=100, idle_s=50, agent_s=1, at_s=10)
    after = CpuReading(all_s=120, idle_s=65, agent_s=2.5, at_s=20)
    assert busy_ratio(before, after) == pytest.approx(0.25)
    assert agent_ratio(before, after) == pytest.approx(0.15)


def test_cpu_shares_without_time_between_are_absent() -> None:
    reading = CpuReading(all_s=100, idle_s=50, agent_s=1, at_s=10)
    assert busy_ratio(reading, reading) is None
    assert agent_ratio(reading, reading) is None


def pi(tmp_path: Path, flags: str) -> DeviceFiles:
    """A Raspberry Pi's files, with chrony."""
    flag_file = tmp_path / "sys/bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled"
    for file, text in ((flag_file, flags), (tmp_path / "proc/77/comm", "chronyd\n")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return DeviceFiles(tmp_path / "sys", tmp_path / "proc")


async def test_a_pi_s_flags_and_clock_daemon_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "max_error_ms", lambda: 4.5)
    found = await DeviceProbe(pi(tmp_path, "50005\n"))(DeviceTarget(), Context())
    assert (found.throttled, found.throttling_flags_count) == (True, 0x50005)
    assert (found.clock_daemon, found.clock_error_ms) == ("chrony", 4.5)
    assert found.boot_id == clock.boot_id()


async def test_a_laptop_that_throttled_since_the_last_call_is_throttled(tmp_path: Path) -> None:
    """Its processor only counts: the first call has nothing to compare with."""
    counter = tmp_path / "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
    counter.parent.mkdir(parents=True)
    probe = DeviceProbe(DeviceFiles(tmp_path / "sys", tmp_path / "proc"))
    seen = []
    for count in ("5\n", "5\n", "9\n", "0\n"):
        counter.write_text(count)
        seen.append((await probe(DeviceTarget(), Context())).throttled)
    assert seen == [None, False, True, False]


async def test_where_nothing_can_be_read_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = await DeviceProbe(DeviceFiles(tmp_path, tmp_path / "absent"))(DeviceTarget(), Context())
    assert (found.throttled, found.throttling_flags_count, found.clock_daemon) == (None, None, None)


@pytest.mark.parametrize(
    ("sensors", "expected"),
    [
        ({"nvme": [31.0], "cpu_thermal": [54.5]}, 54.5),
        ({"acpitz": [27.8], "coretemp": [61.0, 58.0]}, 61.0),
        ({"odd": [33.0]}, 33.0),
        ({"cpu_thermal": [-273.2], "soc_thermal": [48.0]}, 48.0),
        ({"cpu_thermal": []}, None),
        ({}, None),
    ],
    ids=["pi", "laptop", "unknown", "broken-sensor", "empty", "none"],
)
def test_the_temperature_is_the_processor_s(
    monkeypatch: pytest.MonkeyPatch, sensors: dict[str, list[float]], expected: float | None
) -> None:
    """A sensor that shows what no processor survives is broken."""
    shown = {name: [SimpleNamespace(current=value) for value in values] for name, values in sensors.items()}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: shown, raising=False)
    assert temperature_celsius() == expected
