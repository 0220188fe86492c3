"""Stamps: the wall clock, how far it can be trusted, and the time since boot that never jumps."""

from __future__ import annotations

import ctypes
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantau_wire.fields import ClockState

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STA_UNSYNC = 0x0040  # <sys/timex.h>: the kernel does not consider its clock synchronised
# The clocks that count time asleep: Linux' own, and what macOS means by CLOCK_MONOTONIC.
_BOOTTIME: int | None = getattr(
    time, "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME", None
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A raw reading of one instant: UTC ns since 1970, ns since boot, the boot, and the clock's state.

    `error_ns` is the kernel's bound of how wrong `time_ns` may be, where the clock is synchronised.
    """

    time_ns: int
    uptime_ns: int
    boot: str
    clock: ClockState
    error_ns: int = 0


Clock = Callable[[], Stamp]
"""What reads a clock; `now` is the machine's."""


class _Timex(ctypes.Structure):
    """The beginning of Linux' struct timex; the rest is room that the kernel fills."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    )


def now() -> Stamp:
    """Return a stamp of this instant."""
    state, error_ms = clock_state(), max_error_ms()
    return Stamp(
        time_ns=time.time_ns(),
        uptime_ns=uptime_ns(),
        boot=boot_id(),
        clock=state,
        error_ns=int((error_ms or 0.0) * 1e6),
    )


def uptime_ns() -> int:
    """Return nanoseconds since boot, time asleep included where the system tells it."""
    if _BOOTTIME is not None:
        return time.clock_gettime_ns(_BOOTTIME)
    return time.monotonic_ns()


@functools.cache
def boot_id() -> str:
    """Return an id of this boot, the same for every process until the machine restarts."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        import psutil  # noqa: PLC0415 - only where the kernel gives no boot id

        return f"boot-{int(psutil.boot_time())}"


def clock_state() -> ClockState:
    """Return whether the kernel considers its clock synchronised; `unknown` where it does not tell."""
    timex = _read_timex()
    if timex is None:
        return "unknown"
    return "unsynced" if timex.status & _STA_UNSYNC else "synced"


def max_error_ms() -> float | None:
    """Return the kernel's bound of its clock's error (adjtimex(2), maxerror); None while it has none."""
    timex = _read_timex()
    return None if timex is None or timex.status & _STA_UNSYNC else timex.maxerror / 1000


def _read_timex() -> _Timex | None:
    timex = _Timex()
    adjtimex = _adjtimex()
    return None if adjtimex is None or adjtimex(ctypes.byref(timex)) < 0 else timex


@functools.cache
def _adjtimex() -> ctypes._FuncPointer | None:  # type: ignore[name-defined, unused-ignore]
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "adjtimex", None)
