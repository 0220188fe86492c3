"""A whole agent on one host and all it talks to on another, joined by a line whose bytes are counted.

Used by the truth test of the budget and by `python -m benchmarks idle_traffic`.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_agent.budget import ledger
from pantau_agent.config import load
from pantau_agent.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.network import Host

    from pantau_agent.budget.ledger import Bytes

MQTT_PORT, TESTPOINT_PORT, STAMP_PORT, PAGE_PORT = 1883, 8989, 8862, 8080
DEVICE = "desa-3310252007-1"
_PROGRAMS = Path(sys.executable).parent
_PATIENCE_S = 60.0
_MOSQUITTO = f"listener {MQTT_PORT} 0.0.0.0\nallow_anonymous true\npersistence false\n"
_COLLECTOR = """\
[broker]
host = "127.0.0.1"
port = {port}
[store]
path = "{folder}/pantau.db"
dead_letters_path = "{folder}/dead-letters.db"
[registry]
path = "{folder}/devices.csv"
[web]
enabled = false
"""


def why_not() -> str | None:
    """Return what is missing on this machine beside namespaces, None if nothing is."""
    return None if _mosquitto() else "Mosquitto is not installed: apt-get install mosquitto"


def send_true_frames(*hosts: Host) -> None:
    """Let each host send frames as a network card would, not the large ones that a veth pair may carry."""
    for host in hosts:
        host.output(["ip", "link", "set", "dev", "link0", "gso_max_segs", "1"])


def carried_bytes(host: Host) -> int:
    """Return what has crossed the host's end of the line, both ways, as the interface counts it."""
    files = [f"/sys/class/net/link0/statistics/{way}_bytes" for way in ("rx", "tx")]
    return sum(map(int, host.output(["cat", *files]).split()))


@contextlib.contextmanager
def peers(far: Host, folder: Path) -> Iterator[None]:
    """Run a broker, a collector that stores and answers, a testpoint and a small web page on a host."""
    (folder / "mosquitto.conf").write_text(_MOSQUITTO)
    (folder / "collector.toml").write_text(_COLLECTOR.format(port=MQTT_PORT, folder=folder))
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_bytes(b"<!DOCTYPE html>" + b"x" * 50_000)
    subprocess.run(
        [_PROGRAMS / "pantau-collector", "registry", "add", folder / "devices.csv", DEVICE, "33.10.25.2007"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    testpoint = [sys.executable, "-m", "pantau_testpoint", "--listen", far.address]
    ports = ["--http-port", str(TESTPOINT_PORT), "--stamp-port", str(STAMP_PORT)]
    web = [sys.executable, "-m", "http.server", str(PAGE_PORT), "--directory", str(pages)]
    with contextlib.ExitStack() as stack:
        broker = [str(_mosquitto()), "-c", str(folder / "mosquitto.conf")]
        stack.enter_context(far.serving(broker, MQTT_PORT))
        stack.enter_context(far.serving([*testpoint, *ports], TESTPOINT_PORT))
        stack.enter_context(far.serving(web, PAGE_PORT))
        collector = [str(_PROGRAMS / "pantau-collector"), "--config", str(folder / "collector.toml"), "run"]
        stack.enter_context(_running(far, collector, folder / "collector.log"))
        _await(lambda: "broker.connected" in (folder / "collector.log").read_text(), "the collector")
        yield


def _await(condition: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, f"waited for {what}"
        time.sleep(0.1)


@contextlib.contextmanager
def _running(host: Host, command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = host.start(command, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@dataclass
class Agent:
    """An agent on a host, with its files."""

    host: Host
    folder: Path
    text: str
    """Its configuration, without device, broker and spool."""
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "agent.log"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run it to its orderly end."""
        config = self.folder / "agent.toml"
        config.write_text(self.text)
        command = [str(_PROGRAMS / "pantau-agent"), "--config", str(config), "run"]
        with _running(self.host, command, self.log) as self.process:
            yield

    def used(self) -> dict[str, Bytes]:
        """Return what its ledger says, by purpose; nothing while it is being made."""
        try:
            account, _ = ledger.read(load(self.folder / "agent.toml").spool.path.with_name("budget.db"))
        except BudgetError:
            return {}
        return account.get(max(account, default=""), {})

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until it holds, as long as the agent runs."""
        running = self.process
        assert running is not None
        _await(lambda: running.poll() is not None or condition(), what)
        assert running.poll() is None, f"the agent ended: {self.log.read_text()}"


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
