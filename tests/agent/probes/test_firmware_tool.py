"""A Raspberry Pi's flags by a `vcgencmd` that is a script here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pantau_agent.probes.device import firmware_tool
from pantau_agent.probes.device.firmware_tool import FirmwareTool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell")


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "vcgencmd"


def script(tool: Path, body: str, head: str = "#!/bin/sh") -> None:
    tool.write_text(f'{head}\necho "$@" >>"{tool}.calls"\n{body}\n')
    tool.chmod(0o755)


def calls(tool: Path) -> list[str]:
    return tool.with_name("vcgencmd.calls").read_text().splitlines()


async def test_the_flags_are_asked_for_each_time(tool: Path) -> None:
    script(tool, "echo throttled=0x50005")
    firmware = FirmwareTool()
    assert [await firmware.throttling_flags() for _ in range(2)] == [0x50005, 0x50005]
    assert calls(tool) == ["get_throttled"] * 2


@pytest.mark.parametrize(
    "body",
    [
        "echo 'VCHI initialization failed' >&2; exit 1",
        "echo 'Can'\\''t open device file: /dev/vcio'",
        "echo throttled=",
        "printf '\\377\\376'",
    ],
    ids=["not-permitted", "no-device", "no-digits", "no-text"],
)
async def test_a_tool_that_cannot_tell_is_not_asked_again(tool: Path, body: str) -> None:
    script(tool, body)
    firmware = FirmwareTool()
    assert [await firmware.throttling_flags() for _ in range(3)] == [None, None, None]
    assert calls(tool) == ["get_throttled"]


async def test_a_file_that_is_no_program_is_no_tool(tool: Path) -> None:
    script(tool, "", head="\x7fELF")
    assert await FirmwareTool().throttling_flags() is None


async def test_a_tool_that_hangs_is_ended(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware_tool, "_TIMEOUT_S", 0.2)
    script(tool, "exec sleep 600")
    assert await FirmwareTool().throttling_flags() is None


async def test_without_the_tool_there_are_no_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await FirmwareTool().throttling_flags() is None
