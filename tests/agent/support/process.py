"""The agent as a process, from its console script; it measures its own health twenty times a second."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_agent.errors import SpoolError
from pantau_agent.spool import read_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pantau_agent.spool import SpoolState

PROGRAM = Path(sys.executable).with_name("pantau-agent")
PATIENCE_S = 30.0
_CONFIG = """\
device = "desa-1"
start_spread_ratio = 0
[broker]
port = {port}
reconnect_spread_s = 0
[spool]
path = "{spool}"
commit_interval_s = {commit_s}
[delivery]
stop_grace_s = 20
[traffic]
enabled = false
[link]
enabled = false
[device_health]
period_s = 0.05
"""


class AgentProcess:
    """An agent's files, and its process while it runs."""

    def __init__(
        self, folder: Path, *, port: int = 1, commit_s: float = 0.2, spool: Path | None = None
    ) -> None:
        self.folder = folder
        self.spool = spool or folder / "spool" / "spool.db"
        self.config = folder / "agent.toml"
        self.config.write_text(_CONFIG.format(port=port, spool=self.spool, commit_s=commit_s))
        self._log = folder / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self.command("run"), stdout=log, stderr=log)

    def command(self, *arguments: str) -> list[str]:
        return [str(PROGRAM), "--config", str(self.config), *arguments]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60)

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def state(self) -> SpoolState:
        return read_state(self.spool)

    def wait_for_log(self, text: str) -> None:
        self.wait(lambda: text in self.log, text)

    def wait_for_records(self, count: int) -> None:
        """Wait until the spool has committed so many records in its life."""
        self.wait(lambda: self.committed_count() >= count, f"{count} records")

    def committed_count(self) -> int:
        """How many records the spool has committed, those that wait for their time included."""
        try:
            state = self.state()
        except SpoolError:  # it is being made
            return 0
        return state.depth_count + state.stored_count + state.rejected_count + state.dropped_count

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, f"the agent ended: {self.log}"
            assert time.monotonic() < deadline, f"waited for {what}: {self.log}"
            time.sleep(0.02)


@contextlib.contextmanager
def running(agent: AgentProcess) -> Iterator[AgentProcess]:
    """Start the agent; end it in any case."""
    agent.start()
    try:
        yield agent
    finally:
        if agent.process.poll() is None:
            agent.kill()
