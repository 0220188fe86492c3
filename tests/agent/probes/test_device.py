"""The device probe on this machine, and on a Raspberry Pi's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from pantau_agent.probes.base import AgentState, Context
from pantau_agent.probes.device import (
    CpuReading,
    DeviceProbe,
    DeviceTarget,
    agent_ratio,
    busy_ratio,
    throttled,
)
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0\n", False), ("50000\n", False), ("50005\n", True), ("8\n", True), ("", None), ("x", None)],
)
def test_only_throttling_at_this_moment_counts(tmp_path: Path, text: str, expected: bool | None) -> None:
    """Bits 16 to 19 say what happened since boot."""
    file = tmp_path / "get_throttled"
    file.write_text(text)
    assert throttled(file) is expected


def test_other_machines_do_not_know_of_throttling(tmp_path: Path) -> None:
    assert throttled(tmp_path / "absent") is None
