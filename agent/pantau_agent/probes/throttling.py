"""Whether heat or a weak supply slows the processor down: from the files of the kernel.

A Raspberry Pi's firmware keeps flags: bits 0 to 3 for this moment (under-voltage, frequency capped,
throttled, soft temperature limit), bits 16 to 19 the same for the past. How long that past is depends on the
kernel: where its `raspberrypi-hwmon` is loaded, which clears them, two seconds; else since the start.
Any machine shows its passive cooling in /sys/class/thermal.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.probes.files import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

SYS = Path("/sys")

_FLAGS = "bus/platform/drivers/raspberrypi-firmware/*/get_throttled"
_SUPPLY = "class/hwmon/hwmon*"
_SUPPLY_NAME = "rpi_volt"
_COOLING = "class/thermal/cooling_device*"
_COOLS_THE_CPU = ("processor", "thermal-cpufreq", "cpufreq")
_COUNTERS = "devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"
_NOW = 0xF


class Throttling(NamedTuple):
    """The firmware's flags, and whether anything holds the processor back now; None where nobody tells."""

    flags: int | None
    now: bool | None


def read(sys: Path = SYS) -> Throttling:
    """Return what the kernel's files say; takes less than a millisecond."""
    flags = next(
        (parsed for file in sys.glob(_FLAGS) if (parsed := parse_flags(text_of(file))) is not None), None
    )
    return Throttling(flags, any_known([is_now(flags), _supply_alarm(sys), _is_cooled(sys)]))


def parse_flags(text: str) -> int | None:
    """Return the flags out of hexadecimal digits, or None for anything else."""
    try:
        flags = int(text, 16)
    except ValueError:
        return None
    return flags if flags >= 0 else None


def is_now(flags: int | None) -> bool | None:
    """Tell whether the flags say that the processor is held back at this moment."""
    return bool(flags & _NOW) if flags is not None else None


def any_known(signs: Iterable[bool | None]) -> bool | None:
    """Return True if any of the signs is, None if all are unknown."""
    known = [sign for sign in signs if sign is not None]
    return any(known) if known else None


def events_count(sys: Path = SYS) -> int | None:
    """Return how often an x86 processor throttled itself since the start, all cores; None elsewhere."""
    counts = [int(text) for file in sys.glob(_COUNTERS) if (text := text_of(file)).isdecimal()]
    return sum(counts) if counts else None


def _supply_alarm(sys: Path) -> bool | None:
    """Tell whether a Raspberry Pi's supply was too weak in the last two seconds."""
    for monitor in sys.glob(_SUPPLY):
        if text_of(monitor / "name") == _SUPPLY_NAME:
            return text_of(monitor / "in0_lcrit_alarm") == "1"
    return None


def _is_cooled(sys: Path) -> bool | None:
    """Tell whether the kernel lowers the processor's frequency because of its temperature."""
    states = [
        text_of(device / "cur_state")
        for device in sys.glob(_COOLING)
        if text_of(device / "type").lower().startswith(_COOLS_THE_CPU)
    ]
    return any_known(int(state) > 0 if state.isdecimal() else None for state in states)
