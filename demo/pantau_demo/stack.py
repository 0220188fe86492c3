"""The parts of the demo and their configuration: one village, one device, this machine."""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantau_demo import broker
from pantau_demo.errors import DemoError
from pantau_demo.programs import program
from pantau_demo.supervisor import Part, Supervisor

if TYPE_CHECKING:
    from pathlib import Path

VILLAGE = "33.10.25.2007"  # in Klaten, the pilot's regency
PORTAL_HOST = "127.0.0.1"

_AGENT = """\
device = "{device}"
start_spread_ratio = 0
log_format = "text"

[broker]
host = "127.0.0.1"
port = {broker_port}
reconnect_spread_s = 2

[spool]
path = "{state}/agent/spool.db"
commit_interval_s = 1

[delivery]
first_resend_s = 5
stop_grace_s = 12
message_expiry = {message_expiry}

[traffic]
period_s = 5
sample_s = 1

[latency]
period_s = 5
packets_count = 10
timeout_s = 1
targets = [{{ target = "testpoint", host = "127.0.0.1", tcp_port = {testpoint_port} }}]

[speed]
url = "http://127.0.0.1:{testpoint_port}"
period_s = 20
download_s = 2.5
download_discard_s = 0.5
upload_s = 2.5
upload_discard_s = 0.5

[link]
period_s = 10

[device_health]
period_s = 10
"""
_COLLECTOR = """\
log_format = "text"

[broker]
host = "127.0.0.1"
port = {broker_port}
client_id = "collector-demo"
reconnect_max_s = 1

[store]
path = "{state}/collector/pantau.db"
dead_letters_path = "{state}/collector/dead-letters.db"

[ingest]
unregistered_retry_s = 5
store_retry_s = 5

[registry]
path = "{state}/devices.csv"

[web]
port = {portal_port}
access_path = "{state}/access.db"
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything is."""

    state: Path
    device: str
    portal_port: int

    @property
    def portal_url(self) -> str:
        """The portal's address."""
        return f"http://{PORTAL_HOST}:{self.portal_port}/"

    @property
    def collector_config(self) -> Path:
        """The collector's configuration file."""
        return self.state / "collector.toml"

    @property
    def agent_config(self) -> Path:
        """The agent's configuration file."""
        return self.state / "agent.toml"


def choose_port(wanted: int) -> int:
    """Return the wanted port if it is free (0: any); raises `DemoError` naming one that is."""
    try:
        with socket.create_server((PORTAL_HOST, wanted)) as probe:
            return int(probe.getsockname()[1])
    except OSError:
        free = choose_port(0)
        raise DemoError(
            f"port {wanted} is in use by another program; choose another one, such as:\n"
            f"  pantau-demo --port {free}\n"
            f"  make run ARGS='--port {free}'"
        ) from None


def start(supervisor: Supervisor, state: Path, portal_port: int, broker_kind: str) -> Stack:
    """Start broker, testpoint, collector and agent; return where they are. Raises `DemoError`."""
    stack = Stack(state, _device_id(), portal_port)
    broker_port = start_broker(supervisor, state, broker_kind)
    testpoint_port = _start_testpoint(supervisor, state)
    values = {
        "state": state,
        "device": stack.device,
        "broker_port": broker_port,
        "testpoint_port": testpoint_port,
        # rumqttd stops serving a shared subscription at the first message that expires in it.
        "message_expiry": str(broker_kind != "embedded").lower(),
    }
    _register(stack)
    configure_collector(stack, broker_port)
    start_collector(supervisor, stack)
    stack.agent_config.write_text(_AGENT.format(**values), encoding="utf-8")
    command = [program("pantau-agent"), "--config", str(stack.agent_config), "run"]
    supervisor.start(Part("agent", command, state / "agent.log"))
    return stack


def start_broker(supervisor: Supervisor, state: Path, kind: str) -> int:
    """Start a broker, and return its port once it takes connections; raises `DemoError`."""
    port = choose_port(0)
    part = Part("broker", broker.command(kind, port, state), state / "broker.log")
    supervisor.start(part)
    supervisor.wait_until(part, lambda: _answers(port))
    return port


def _start_testpoint(supervisor: Supervisor, state: Path) -> int:
    ready_file = state / "testpoint.json"
    http_port = choose_port(0)
    command = [program("pantau-testpoint"), "--http-port", str(http_port), "--stamp-port", "0"]
    part = Part("testpoint", [*command, "--ready-file", str(ready_file)], state / "testpoint.log")
    supervisor.start(part)
    supervisor.wait_until(part, ready_file.exists)
    return int(json.loads(ready_file.read_text(encoding="utf-8"))["http_port"])


def configure_collector(stack: Stack, broker_port: int, more: str = "") -> None:
    """Write the collector's configuration; `more` are further sections."""
    text = _COLLECTOR.format(state=stack.state, broker_port=broker_port, portal_port=stack.portal_port)
    stack.collector_config.write_text(text + more, encoding="utf-8")


def start_collector(supervisor: Supervisor, stack: Stack) -> None:
    """Start the configured collector, and wait until it is well; raises `DemoError`."""
    command = [program("pantau-collector"), "--config", str(stack.collector_config), "run"]
    part = Part("collector", command, stack.state / "collector.log")
    supervisor.start(part)
    # Well means that it listens to the broker too: the agent's first question is then heard.
    supervisor.wait_until(part, lambda: ask_portal(stack, "healthz") is not None)


def _register(stack: Stack) -> None:
    file = stack.state / "devices.csv"
    if not file.exists():
        since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        row = f"{stack.device},{VILLAGE},{since},Demo,other,default,yes,active"
        header = "device,village,since,provider,technology,profile,traffic_source,state"
        file.write_text(f"{header}\n{row}\n", encoding="utf-8")


def _device_id() -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:40].strip("-._")
    return f"demo-{name or 'device'}"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((PORTAL_HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def ask_portal(stack: Stack, path: str) -> dict[str, Any] | None:
    """Return what the collector's API says, or None where it does not know or does not answer now."""
    try:
        with urllib.request.urlopen(stack.portal_url + path, timeout=5) as answer:  # noqa: S310 - loopback
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, urllib.error.URLError, ValueError):
        return None
