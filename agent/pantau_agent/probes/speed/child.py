"""A program that measures for us in a process of its own: bounded in time and output, always ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from typing import IO, TYPE_CHECKING, Self

import psutil

from pantau_agent.probes.failures import ProbeError, error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_agent.probes.speed.transport.connection import Stop

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
_READ_BYTES = 64 * 1024
_LOOK_S = 0.1
_GRACE_S = 0.3


class Child:
    """A running program; what it prints gathers in `output` and `complaints`."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it. Raises ProbeError if the system does not."""
        self._name = os.path.basename(command[0])  # noqa: PTH119 - a name for people
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except OSError as fault:
            raise error_of(fault, f"start {self._name}") from fault
        self._watched = psutil.Process(self._process.pid)
        self.output = bytearray()
        self.complaints = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and wait for that: nothing of it stays."""
        if self._process.poll() is None:
            self.interrupt()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in self._pipes():
            pipe.close()

    def interrupt(self) -> None:
        """Ask it to end; it may still print what it has."""
        self._process.terminate()

    def read_to_end(self, stop: Stop, timeout_s: float, look: Callable[[], None]) -> None:
        """Gather what it prints until it ends; call `look` ten times a second meanwhile.

        Raises ProbeError `timeout`, or `protocol` if it prints too much; StoppedError soon after a stop.
        """
        until_s = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            for pipe, into in zip(self._pipes(), (self.output, self.complaints), strict=True):
                selector.register(pipe, selectors.EVENT_READ, into)
            while selector.get_map():
                stop.check()
                if time.monotonic() > until_s:
                    raise ProbeError("timeout", f"{self._name} did not end within {timeout_s:.0f} s")
                for key, _ in selector.select(_LOOK_S):
                    self._gather(selector, key)
                look()

    def failed(self) -> bool:
        """Tell whether it ended otherwise than with success, or does not end though it prints no more."""
        try:
            return self._process.wait(_GRACE_S) != 0
        except subprocess.TimeoutExpired:
            return True

    def _gather(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        octets = os.read(key.fd, _READ_BYTES)
        if not octets:
            selector.unregister(key.fileobj)
        key.data.extend(octets)
        if len(key.data) > MAX_OUTPUT_BYTES:
            raise ProbeError("protocol", f"{self._name} prints more than {MAX_OUTPUT_BYTES} bytes")

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        return self._process.stdout, self._process.stderr

    def read_bytes(self) -> int | None:
        """Return what it read by read(2), from files and sockets; None where the system does not say."""
        return self._transferred("read_chars")

    def written_bytes(self) -> int | None:
        """Return what it wrote by write(2); None where the system does not say."""
        return self._transferred("write_chars")

    def _transferred(self, name: str) -> int | None:
        try:
            return getattr(self._watched.io_counters(), name, None)
        except (psutil.Error, AttributeError):  # it has ended; a system without such counters
            return None

    def cpu_s(self) -> float:
        """Return its processor time so far, 0 once it has ended."""
        try:
            times = self._watched.cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)
