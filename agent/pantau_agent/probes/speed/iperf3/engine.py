"""The engine `iperf3`: the first server that is free, download, upload."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.account import LineAccount
from pantau_agent.probes.speed.iperf3.client import measure
from pantau_agent.probes.speed.patience import Patience
from pantau_agent.probes.speed.plans import download_plan, upload_plan
from pantau_agent.probes.speed.transport.errors import BusyError
from pantau_agent.probes.speed.transport.server import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.probes.speed.direction import Way
    from pantau_agent.probes.speed.load import Plan
    from pantau_agent.probes.speed.result import Direction, Findings
    from pantau_agent.probes.speed.transport.server import Server
    from pantau_agent.probes.speed.trial import Trial

DEFAULT_PORT = 5201
MIN_VERSION = (3, 7)
_PAUSE_S = 10.0
_VERSION_TIMEOUT_S = 5.0
_VERSION = re.compile(rb"iperf (\d+)\.(\d+)")


class Iperf3Engine:
    """Debian's iperf3, or any from 3.7 on."""

    def unavailable(self) -> str | None:
        """Return what to install, None if the program is there."""
        path = shutil.which("iperf3")
        if path is None:
            return "iperf3 is not installed: apt install iperf3"
        version = _version_of(path)
        if version is None:
            return f"{path} does not say its version: apt install iperf3"
        if version < MIN_VERSION:
            return f"iperf3 {version[0]}.{version[1]} is too old, 3.7 or later is needed: apt install iperf3"
        return None

    def prepare(self, trial: Trial) -> Iperf3Test:
        """Resolve the servers. Which of them is free shows when the test begins. Raises ProbeError."""
        return Iperf3Test(trial, resolve_all(trial.target.servers))


@functools.cache
def _version_of(path: str) -> tuple[int, int] | None:
    command = [path, "--version"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_VERSION_TIMEOUT_S)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    return (int(match[1]), int(match[2])) if match else None


def resolve_all(names: Sequence[str]) -> list[Server]:
    """Return the addresses of all servers (host or host:port), in order. Raises ProbeError for none."""
    found: list[Server] = []
    error: ProbeError | None = None
    for name in names:
        try:
            found += resolve(f"http://{_with_port(name)}")
        except ProbeError as fault:
            error = fault
    if found or error is None:
        return found
    raise error


def _with_port(name: str) -> str:
    try:
        return name if urlsplit(f"//{name}").port else f"{name}:{DEFAULT_PORT}"
    except ValueError as fault:
        raise ProbeError("unsupported", f"server {name!r}: {fault}") from fault


class Iperf3Test:
    """One test; both ways against the same server, as long as that one is free."""

    def __init__(self, trial: Trial, servers: list[Server]) -> None:
        self._trial = trial
        self._servers = servers
        self._patience = Patience(trial)
        self.server = servers[0].name
        self.address = servers[0].sockaddr

    def run(self, findings: Findings, account: LineAccount) -> None:
        """Measure. Raises ProbeError and StoppedError."""
        target = self._trial.target
        findings.part = "download"
        findings.download = down = self._measure("download", download_plan(target), findings, account)
        findings.part = "upload"
        plan = upload_plan(target, down.payload_bytes)
        findings.upload = self._measure("upload", plan, findings, account)

    def _measure(self, way: Way, plan: Plan, findings: Findings, account: LineAccount) -> Direction:
        """Measure one way; ask all servers again after a pause, some times, while one of them is busy."""
        return self._patience.call(lambda: self._measure_once(way, plan, findings, account))

    def _measure_once(self, way: Way, plan: Plan, findings: Findings, account: LineAccount) -> Direction:
        """Measure one way against the first server that is free. Raises ProbeError."""
        errors = []
        for server in self._servers:
            findings.server = server.name
            try:
                found = self._measure_at(server, way, plan, account)
            except ProbeError as error:
                if not _tries_next(error):
                    raise
                errors.append(error)
            else:
                self._servers = [server]  # the other way is measured against the same one
                return found
        raise self._gravest(errors)

    def _measure_at(self, server: Server, way: Way, plan: Plan, account: LineAccount) -> Direction:
        if server.sockaddr != self.address:
            account = LineAccount(server.sockaddr, self._trial.test_traffic)
        return measure(way, self._trial, account, plan, server)

    def _gravest(self, errors: Sequence[ProbeError]) -> ProbeError:
        """Return what to report: a busy server may be free after a pause, one that is not there may not."""
        busy = next((error for error in errors if isinstance(error, BusyError)), None)
        if busy is None:
            return errors[-1]
        return BusyError(busy.detail, min(_PAUSE_S, self._trial.target.busy_wait_s))


def _tries_next(error: ProbeError) -> bool:
    """Tell whether another server may do better: this one is busy, or not there."""
    return isinstance(error, BusyError) or error.failure in ("refused", "unreachable")
