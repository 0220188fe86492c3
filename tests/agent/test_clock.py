"""Stamps: what the kernel says of its clock, and what is left where it says nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pantau_agent import clock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LINUX = sys.platform.startswith("linux")
NTP_GETTIME = """
import ctypes
room = (ctypes.c_byte * 512)()
print(ctypes.CDLL(None).ntp_gettime(room))
"""
TIME_ERROR = "5"  # <sys/timex.h>: what ntp_gettime answers when the clock is not synchronised


@pytest.fixture(autouse=True)
def _forget():
    clock.boot_id.cache_clear()
    clock._adjtimex.cache_clear()
    yield
    clock.boot_id.cache_clear()
    clock._adjtimex.cache_clear()


@pytest.mark.skipif(not BOOT_ID.exists(), reason="the kernel gives no boot id")
def test_the_boot_id_is_the_kernels():
    """The same for every process until the machine restarts."""
    assert clock.boot_id() == BOOT_ID.read_text().strip() == clock.now().boot


def test_without_a_boot_id_the_moment_of_booting_identifies_it(monkeypatch, tmp_path):
    """Windows and macOS have no such file; the id must still fit the contract."""
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "missing")
    assert clock.boot_id() == f"boot-{int(psutil.boot_time())}"


def test_uptime_grows_and_agrees_with_the_kernel():
    """Nanoseconds since boot, time asleep included; it never goes back."""
    readings = [clock.uptime_ns() for _ in range(1000)]
    assert readings == sorted(readings)
    if LINUX:
        assert abs(readings[-1] / 1e9 - float(Path("/proc/uptime").read_text().split()[0])) < 5


def test_where_the_time_asleep_cannot_be_told_uptime_is_monotonic(monkeypatch):
    """Better an uptime that stops in sleep than none."""
    monkeypatch.setattr(clock, "_BOOTTIME", None)
    before = time.monotonic_ns()
    assert before <= clock.uptime_ns() <= time.monotonic_ns()


@pytest.mark.skipif(not LINUX, reason="adjtimex is Linux'")
def test_the_clocks_state_is_what_the_kernel_says_elsewhere():
    """Another call of the kernel's, by another process, agrees with ours."""
    said = subprocess.run([sys.executable, "-c", NTP_GETTIME], capture_output=True, text=True, check=True)
    expected = "unsynced" if said.stdout.strip() == TIME_ERROR else "synced"
    assert clock.clock_state() == expected


@pytest.mark.parametrize(("status", "state"), [(0x40, "unsynced"), (0x2001, "synced"), (0x41, "unsynced")])
def test_the_flag_for_unsynchronised_decides(monkeypatch, status, state):
    """STA_UNSYNC, whatever else is set."""

    def adjtimex(pointer):
        pointer._obj.status = status
        return 0

    monkeypatch.setattr(clock, "_adjtimex", lambda: adjtimex)
    assert clock.clock_state() == state


@pytest.mark.parametrize("adjtimex", [None, lambda _: -1], ids=["absent", "refused"])
def test_where_the_kernel_does_not_tell_the_state_is_unknown(monkeypatch, adjtimex):
    """A guess would be worse."""
    monkeypatch.setattr(clock, "_adjtimex", lambda: adjtimex)
    assert clock.now().clock == "unknown"


@pytest.mark.parametrize(
    ("answer", "status", "expected"), [(0, 0x2001, 4.5), (5, 0x2041, None), (-1, 0, None)]
)
def test_the_bound_of_the_clocks_error_is_the_kernels_while_it_is_synchronised(
    monkeypatch, answer, status, expected
):
    """An unsynchronised kernel shows 16 s, which is no bound; one that refuses shows nothing."""

    def adjtimex(pointer):
        pointer._obj.status, pointer._obj.maxerror = status, 4500
        return answer

    monkeypatch.setattr(clock, "_adjtimex", lambda: adjtimex)
    assert clock.max_error_ms() == expected


def test_other_systems_are_not_asked_for_adjtimex(monkeypatch):
    """CDLL(None) would fail on Windows."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert clock.clock_state() == "unknown"
