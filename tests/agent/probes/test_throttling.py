"""What slows a processor down, from the files of a Raspberry Pi, of other boards and of a laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pantau_agent.probes import throttling
from pantau_agent.probes.throttling import Throttling

if TYPE_CHECKING:
    from pathlib import Path

FIRMWARE = "bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled"
SUPPLY = {"class/hwmon/hwmon1/name": "rpi_volt\n"}
OTHER_MONITOR = {"class/hwmon/hwmon0/name": "cpu_thermal\n"}
ALARM = "class/hwmon/hwmon1/in0_lcrit_alarm"
BOARD = {"class/thermal/cooling_device0/type": "thermal-cpufreq-0\n"}
STATE = "class/thermal/cooling_device0/cur_state"
FAN = {"class/thermal/cooling_device1/type": "pwm-fan\n", "class/thermal/cooling_device1/cur_state": "3\n"}


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0\n", Throttling(0, now=False)),
        ("50000\n", Throttling(0x50000, now=False)),
        ("50005\n", Throttling(0x50005, now=True)),
        ("8\n", Throttling(8, now=True)),
        ("", Throttling(None, now=None)),
        ("x", Throttling(None, now=None)),
        ("-1", Throttling(None, now=None)),
    ],
)
def test_only_the_firmware_s_flags_of_this_moment_count(
    tmp_path: Path, text: str, expected: Throttling
) -> None:
    """Bits 16 to 19 say what happened before."""
    assert throttling.read(tree(tmp_path, {FIRMWARE: text})) == expected


@pytest.mark.parametrize(
    ("files", "now"),
    [
        ({}, None),
        (SUPPLY | OTHER_MONITOR | {ALARM: "1\n"}, True),
        (SUPPLY | OTHER_MONITOR | {ALARM: "0\n"}, False),
        (OTHER_MONITOR, None),
        (BOARD | {STATE: "0\n"}, False),
        (BOARD | {STATE: "2\n"} | FAN, True),
        (BOARD | {STATE: "-1\n"}, None),
        (BOARD | {STATE: "0\n"} | SUPPLY | {ALARM: "1\n"}, True),
        (FAN, None),
        (FAN | {"class/thermal/cooling_device0/type": "Processor\n", STATE: "4\n"}, True),
    ],
    ids=["nothing", "weak-supply", "good-supply", "other-monitor", "cool", "hot", "unreadable", "both",
         "only-a-fan", "laptop"],
)  # fmt: skip
def test_without_flags_supply_and_cooling_tell(
    tmp_path: Path, files: dict[str, str], now: bool | None
) -> None:
    assert throttling.read(tree(tmp_path, files)) == Throttling(None, now)


def test_the_flags_do_not_hide_what_else_is_seen(tmp_path: Path) -> None:
    assert throttling.read(tree(tmp_path, {FIRMWARE: "0\n"} | BOARD | {STATE: "1\n"})) == Throttling(
        0, now=True
    )


def test_a_laptop_s_throttling_is_counted_over_all_cores(tmp_path: Path) -> None:
    counters = {f"devices/system/cpu/cpu{core}/thermal_throttle/core_throttle_count": f"{core}\n"
                for core in (1, 2, 10)}  # fmt: skip
    assert throttling.events_count(tree(tmp_path, counters)) == 13
    assert throttling.events_count(tmp_path / "elsewhere") is None
