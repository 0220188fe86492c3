"""Which service keeps the device's clock right, found without root and without starting a process.

The names of the processes are read rarely: only a daemon that is gone, or none so far, makes us look again.
chrony's and ntpd's error bound arrives in the kernel, which `pantau_agent.clock.max_error_ms` reads.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pantau_agent.probes.files import text_of

if TYPE_CHECKING:
    from pantau_wire.fields import ClockState

ClockDaemon = Literal["chrony", "timesyncd", "ntpd", "other", "none"]

PROC = Path("/proc")

_DAEMONS: Final[dict[str, ClockDaemon]] = {
    "chronyd": "chrony",
    "systemd-timesyn": "timesyncd",  # the kernel keeps 15 characters of a name
    "ntpd": "ntpd",  # of NTP, NTPsec, OpenNTPD and BusyBox
    "ntp-daemon": "other",  # ntpd-rs
    "ptp4l": "other",
    "phc2sys": "other",
}
_LOOK_AGAIN_S = 600.0


class ClockDaemonFinder:
    """Knows the daemon's process while it lives."""

    def __init__(self, proc: Path = PROC) -> None:
        """Take another folder for tests."""
        self._proc = proc
        self._process: Path | None = None
        self._looked_at_s: float | None = None

    def find(self, state: ClockState) -> ClockDaemon | None:
        """Return the daemon; None where processes cannot be seen.

        A clock that the kernel calls synchronised while no daemon is seen (in a container, or by a virtual
        machine's host) has "other".
        """
        if not self._proc.is_dir():
            return None
        if self._daemon() is None and self._is_time_to_look():
            self._process = next((process for process in self._processes() if _daemon_of(process)), None)
            self._looked_at_s = time.monotonic()
        return self._daemon() or ("other" if state == "synced" else "none")

    def _daemon(self) -> ClockDaemon | None:
        return _daemon_of(self._process) if self._process is not None else None

    def _is_time_to_look(self) -> bool:
        looked_at_s = self._looked_at_s
        was_seen = self._process is not None
        return looked_at_s is None or was_seen or time.monotonic() - looked_at_s >= _LOOK_AGAIN_S

    def _processes(self) -> list[Path]:
        return [entry for entry in self._proc.iterdir() if entry.name.isdecimal()]


def _daemon_of(process: Path) -> ClockDaemon | None:
    return _DAEMONS.get(text_of(process / "comm"))
