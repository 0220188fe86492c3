"""Starts the parts as processes, starts a part again that dies, and stops all of them in order.

The parts get a session of their own, so that Ctrl-C reaches the demo alone, which then stops the agent
first: it still has something to deliver. On Linux a part also dies with the demo, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_S = 15.0
_MAX_RESTARTS = 20
_TAIL_LINES = 15


@dataclass(slots=True)
class Part:
    """A program of the demo: what starts it, and where it writes its log."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    restarts_count: int = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None


class Supervisor:
    """The running parts, in the order in which they were started."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        """Say through `announce` what happens."""
        self._announce = announce
        self.parts: dict[str, Part] = {}

    def start(self, part: Part) -> None:
        """Start a part; raises `DemoError` where its program is missing."""
        self.parts[part.name] = part
        _spawn(part)

    def wait_until(self, part: Part, ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until a part is ready; raises `DemoError` with the end of its log when it is not."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if part.pid is None or time.monotonic() > deadline:
                raise DemoError(f"{part.name} did not start; the end of {part.log}:\n{_tail(part.log)}")
            time.sleep(0.02)

    def revive(self) -> bool:
        """Start again what died, and return whether anything did; `DemoError` where it keeps dying."""
        before = sum(part.restarts_count for part in self.parts.values())
        for part in self.parts.values():
            if part.process is None or part.process.poll() is None:
                continue
            if part.restarts_count >= _MAX_RESTARTS:
                raise DemoError(f"{part.name} keeps dying; the end of {part.log}:\n{_tail(part.log)}")
            self._announce(f"{part.name} ended ({_how(part.process.returncode)}) and is started again")
            part.restarts_count += 1
            _spawn(part)
        return sum(part.restarts_count for part in self.parts.values()) > before

    def stop(self, name: str) -> None:
        """Stop a part and wait for its orderly end."""
        part = self.parts[name]
        if part.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            part.process.terminate()
        try:
            part.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._announce(f"{name} does not stop; it is killed")
            part.process.kill()
            part.process.wait()
        part.process = None

    def stop_all(self) -> None:
        """Stop everything, the last started first."""
        for name in reversed(list(self.parts)):
            self.stop(name)


def _spawn(part: Part) -> None:
    with part.log.open("ab") as log:
        try:
            part.process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **part.environment},
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        except OSError as error:
            raise DemoError(f"cannot start {part.command[0]}: {error.strerror}") from None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _how(returncode: int) -> str:
    if returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit code {returncode}"


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (empty)"
