"""A process that can be ended and started again."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.network import Host

_READY_S = 60.0


@dataclass
class Program:
    """Its output goes to a file."""

    name: str
    host: Host
    command: list[str]
    log: Path
    before: list[str] = field(default_factory=list)
    """What runs to its end before each start, as systemd's ExecStartPre does."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        with self.log.open("ab") as log:
            if self.before:
                subprocess.run(self.before, stdout=log, stderr=log, check=True)
            self.process = self.host.start(self.command, stdout=log, stderr=log)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def wait_until(condition: Callable[[], bool], patience_s: float = _READY_S, each_s: float = 0.2) -> bool:
    """Return whether `condition()` became true in time."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(each_s)
    return False
