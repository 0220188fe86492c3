"""Two hosts on one machine: network namespaces joined by a veth pair, with a shaper each way.

Needs root and a kernel with namespaces, veth and tbf; `why_not()` says what is missing. Traffic stays
between the two namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NEAR_ADDRESS = "10.99.0.1"
FAR_ADDRESS = "10.99.0.2"
MSS_SHARE = 1448 / 1514
"""Payload of a full TCP segment with timestamps, over its Ethernet frame as tbf counts it."""
_BURST_BYTES = 15_000
_READY_WITHIN_S = 20.0
_LOOK_EACH_S = 0.05
_LISTENING = "0A"


class NetworkError(Exception):
    """The kernel or the tools refuse; `str()` says what."""


@dataclass(frozen=True, slots=True)
class Host:
    """One end: the name of its namespace and its address."""

    namespace: str
    address: str

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs another inside the namespace."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program inside the namespace."""
        return subprocess.Popen(self.command(command), **options)

    def output(self, command: Sequence[str], **options: Any) -> str:
        """Run a program inside the namespace to its end; return what it printed."""
        pipe = subprocess.PIPE
        done = subprocess.run(self.command(command), check=True, stdout=pipe, encoding="utf-8", **options)
        return str(done.stdout)

    @contextmanager
    def serving(self, command: Sequence[str], port: int, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Run a server inside the namespace, from when it listens on the TCP port on."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = self.start(command, **{**quiet, **options})
        try:
            self._await_listener(port, process)
            yield process
        finally:
            process.terminate()
            process.wait()

    def _await_listener(self, port: int, process: subprocess.Popen[bytes]) -> None:
        until_s = time.monotonic() + _READY_WITHIN_S
        while not self._listens(port):
            if process.poll() is not None or time.monotonic() > until_s:
                raise NetworkError(f"{process.args!r} does not listen on port {port}")
            time.sleep(_LOOK_EACH_S)

    def _listens(self, port: int) -> bool:
        table = self.output(["cat", "/proc/net/tcp", "/proc/net/tcp6"])
        rows = [line.split() for line in table.splitlines()]
        return any(row[1].endswith(f":{port:04X}") and row[3] == _LISTENING for row in rows)


def why_not() -> str | None:
    """Return why no such network can be made here, None if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return "ip and tc are missing: apt-get install iproute2"
    try:
        with two_hosts(rate_mbit=10):
            return None
    except NetworkError as error:
        return str(error)


@contextmanager
def two_hosts(*, rate_mbit: float | None = None) -> Iterator[tuple[Host, Host]]:
    """Yield the near and the far host; with `rate_mbit` each sends through tbf at that rate (10^6 bit/s)."""
    mark = uuid.uuid4().hex[:6]
    near, far = Host(f"near-{mark}", NEAR_ADDRESS), Host(f"far-{mark}", FAR_ADDRESS)
    try:
        for host in (near, far):
            run("ip", "netns", "add", host.namespace)
        run("ip", "link", "add", "link0", "netns", near.namespace, "type", "veth",
             "peer", "name", "link0", "netns", far.namespace)  # fmt: skip
        for host in (near, far):
            _set_up(host, rate_mbit)
        yield near, far
    finally:
        for host in (near, far):
            subprocess.run(["ip", "netns", "del", host.namespace], check=False, stderr=subprocess.DEVNULL)


def _set_up(host: Host, rate_mbit: float | None) -> None:
    run("ip", "-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "link0")
    for device in ("lo", "link0"):
        run("ip", "-n", host.namespace, "link", "set", device, "up")
    if rate_mbit is not None:
        shape(host, "link0", rate_mbit)


def shape(host: Host, device: str, rate_mbit: float) -> None:
    """Let the device send through tbf at that rate (10^6 bit/s), which queues for at most 50 ms."""
    run("tc", "-n", host.namespace, "qdisc", "add", "dev", device, "root", "tbf",
         "rate", f"{rate_mbit}mbit", "burst", str(_BURST_BYTES), "latency", "50ms")  # fmt: skip


def run(*command: str) -> str:
    """Run a program outside the namespaces; return what it printed. Raises NetworkError if it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
