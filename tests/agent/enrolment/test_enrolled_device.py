"""From the operator's line to measurements in the store: real programs, TLS everywhere, a real Mosquitto."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.agent.support.process import AgentProcess, running
from tests.collector.ingest import processes
from tests.fakes.brokers import HOST, _answers, free_port
from tests.fakes.enrolling import DEVICE, VILLAGE, Office

from pantau_collector import mqtt
from pantau_collector.cli import main as collector
from pantau_collector.errors import BrokerError
from pantau_wire import signing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 60.0
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt install mosquitto")

CONFIG = """\
log_format = "json"
[broker]
host = "127.0.0.1"
port = {port}
client_id = "collector-a"
ca_file = "{folder}/a/ca.pem"
cert_file = "{folder}/a/collector-a.pem"
key_file = "{folder}/a/collector-a.key"
reconnect_max_s = 0.2
[store]
path = "{folder}/pantau.db"
dead_letters_path = "{folder}/dead-letters.db"
[ingest]
batch_delay_s = 0.02
[registry]
path = "{folder}/devices.csv"
[identity]
path = "{folder}/identity"
[enrolment]
url = "https://127.0.0.1:{web}"
broker_host = "127.0.0.1"
broker_port = {port}
[web]
port = {web}
cert_file = "{folder}/portal/portal.pem"
key_file = "{folder}/portal/portal.key"
access_path = "{folder}/access.db"
"""


class Region:
    """A region's server: authorities, broker, and one collector that is ingest and portal."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.config = folder / "collector.toml"
        self.config.write_text(CONFIG.format(folder=folder, port=self.port, web=free_port()))
        (folder / "devices.csv").write_text(
            f"device,village,since\n{DEVICE},{VILLAGE},2026-01-01T00:00:00+07:00\n"
        )
        self.run("ca", "init", "--name", "Klaten")
        self.run("ca", "server", "portal", "--host", HOST, "--out", str(folder / "portal"))
        self.run("ca", "collector", "a", "--out", str(folder / "a"))
        self.write_broker()
        self.broker: subprocess.Popen[bytes] | None = None

    def run(self, *words: str, code: int = 0) -> None:
        assert collector(["--config", str(self.config), *words, "--lang", "en"]) == code

    def write_broker(self) -> None:
        out = self.folder / "broker"
        self.run("broker-config", "--host", HOST, "--port", str(self.port), "--out", str(out))
        file = out / "mosquitto.conf"
        text = file.read_text().replace(f"listener {self.port}", f"listener {self.port} {HOST}")
        file.write_text(f"{text}user root\n")

    def start_broker(self) -> None:
        with (self.folder / "mosquitto.log").open("wb") as log:
            command = [str(MOSQUITTO), "-c", str(self.folder / "broker" / "mosquitto.conf")]
            self.broker = subprocess.Popen(command, stdout=log, stderr=log)
        wait(lambda: _answers(self.port), (self.folder / "mosquitto.log").read_text)


def refused(region: Region, message: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Return whether the broker says that a collector may not write configurations.

    It never takes the message; but the running collector, whose session this is, may take it back first.
    """
    assert collector(["--config", str(region.config), "config", "publish", str(message)]) == 2
    return "the broker refuses the message" in capsys.readouterr().err


def wait(condition: object, why: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    (tmp_path / "region").mkdir()
    found = Region(tmp_path / "region")
    found.start_broker()
    log = found.folder / "collector.log"
    with processes.running(found.config, log) as process:
        try:
            wait(
                lambda: "portal.listening" in log.read_text() and "broker.connected" in log.read_text(),
                log.read_text,
            )
            yield found
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            found.broker.terminate()
            found.broker.wait()


def test_a_device_is_enrolled_measures_and_is_configured_and_a_stranger_is_not_let_in(
    region: Region, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `enroll` prints is the device's configuration; an operator configures it, a collector cannot."""
    capsys.readouterr()
    region.run("devices", "invite", DEVICE, "--village", VILLAGE)
    line = capsys.readouterr().out
    agent = AgentProcess(tmp_path)
    command = agent.command("enroll", "--token", "-")
    done = subprocess.run(command, input=line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    pem = signing.new_private_pem()
    remote = f'[remote]\npublic_key = "{signing.public_key_of(pem)}"\n'
    own = agent.config.read_text().partition("[spool]")[2]
    head = "start_spread_ratio = 0\n"
    agent.config.write_text(f"{head}{done.stdout}reconnect_spread_s = 0\n[spool]{own}{remote}")
    with running(agent):
        agent.wait_for_records(1)
        agent.wait(lambda: agent.state().stored_count > 20, "records that the collector has stored")
        asyncio.run(stranger(region, tmp_path))
        configure(region, agent, pem, capsys)


async def stranger(region: Region, tmp_path: Path) -> None:
    """Come with a certificate of the same name, by another authority; and without any."""
    (tmp_path / "sleman").mkdir()
    other = Office(tmp_path / "sleman")
    other.identities.issue("server", "x", other.files.authority("server").key.public_key())
    words = ("devices", "enroll", DEVICE, "--village", VILLAGE, "--folder", str(other.files.path))
    out = tmp_path / "stranger"
    assert collector([*words, "--registry", str(tmp_path / "other.csv"), "--out", str(out)]) == 0
    for certified in (True, False):
        context = ssl.create_default_context(cafile=str(region.folder / "a" / "ca.pem"))
        if certified:
            context.load_cert_chain(out / f"{DEVICE}.pem", out / f"{DEVICE}.key")
        options = mqtt.ConnectOptions(HOST, region.port, DEVICE, tls=context)
        with pytest.raises(BrokerError):
            await mqtt.connect(options, lambda _: None)


def configure(region: Region, agent: AgentProcess, pem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Let in an operator, publish a signed configuration as one, and see the device take it."""
    folder = region.folder
    region.run("ca", "operator", "siti", "--out", str(folder / "siti"))
    said = capsys.readouterr().out
    operator = folder / "operator.toml"
    lines = said[said.index("[broker]") :].replace('"BROKER"', f'"{HOST}"').replace("8883", str(region.port))
    operator.write_text(lines)
    region.write_broker()
    region.broker.send_signal(signal.SIGHUP)
    (folder / "key.pem").write_text(pem)
    (folder / "settings.toml").write_text("[device_health]\nperiod_s = 30\n")
    sign = ("--key", str(folder / "key.pem"), "--audience", f"device:{DEVICE}", "--version", "1")
    capsys.readouterr()
    assert collector(["config", "sign", *sign, "--settings", str(folder / "settings.toml")]) == 0
    message = folder / "message.json"
    message.write_text(capsys.readouterr().out)
    assert json.loads(message.read_text())
    wait(lambda: refused(region, message, capsys), lambda: "the broker never said why")
    publish = ["--config", str(operator), "config", "publish", str(message)]
    wait(
        lambda: collector(publish) == 0, lambda: capsys.readouterr().err
    )  # once the broker has read its list
    agent.wait_for_log("remote.applied")
