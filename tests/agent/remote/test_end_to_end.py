"""From an operator's shell over real brokers into a running agent, and back in its status."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sqlite3
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.agent.remote.signing_desk import DEVICE_TOPIC, GROUP_TOPIC, forged
from tests.agent.support.collector import Collector
from tests.agent.support.process import AgentProcess, running
from tests.fakes import brokers

from pantau_collector import mqtt
from pantau_collector.cli import main
from pantau_wire import codec, signing
from pantau_wire.remote import ConfigReport

if TYPE_CHECKING:
    from pathlib import Path

NAME = "desa-1"
DEVICE = f"device:{NAME}"
GROUP = "group:klaten"
_REMOTE = """
[remote]
groups = ["klaten"]
allowed_hosts = ["127.0.0.1"]
min_period_s = 0.05
{key}
"""
TARGET = """
[latency]
targets = [{{ target = "internet", host = "127.0.0.1", tcp_port = {port}, method = "tcp" }}]
packets_count = 2
period_s = 0.5
"""


class Office:
    """An operator's folder, key and shell; `public_key` is what keygen printed for the devices."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self._settings = folder / "operator.toml"
        self._settings.write_text(f"[broker]\nport = {port}\n")
        self.key = folder / "operator.pem"
        self.key_line = self.call("keygen", "--out", str(self.key)).splitlines()[-1]

    def call(self, *words: str) -> str:
        """Run `pantau-collector config ...` in this process; return what it prints."""
        with (
            contextlib.redirect_stdout(io.StringIO()) as printed,
            contextlib.redirect_stderr(io.StringIO()) as noted,
        ):
            code = main(["--config", str(self._settings), "config", *words])
        assert code == 0, noted.getvalue()
        return printed.getvalue()

    def sign(self, settings: str, version: int, audience: str = DEVICE, *more: str) -> bytes:
        file = self._folder / "settings.toml"
        file.write_text(settings)
        words = ["--key", str(self.key), "--audience", audience, "--version", str(version)]
        return self.call("sign", *words, "--settings", str(file), *more).encode()

    def publish(self, message: bytes) -> None:
        file = self._folder / "message.json"
        file.write_bytes(message)
        self.call("publish", str(file))

    def retain(self, topic: str, payload: bytes) -> None:
        """Put anything at all on a topic, as a broker in the wrong hands could."""

        async def work() -> None:
            options = mqtt.ConnectOptions(brokers.HOST, self.port, "collector-evil")
            connection = await mqtt.connect(options, lambda _: None)
            await connection.retain(topic, payload, codec.JSON)
            connection.close()

        asyncio.run(work())


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


@pytest.fixture
def office(tmp_path, broker):
    folder = tmp_path / "office"
    folder.mkdir()
    return Office(folder, broker.port)


@pytest.fixture
def agent(tmp_path, broker, office):
    made = AgentProcess(tmp_path, port=broker.port)
    made.config.write_text(made.config.read_text() + _REMOTE.format(key=office.key_line))
    return made


def eventually(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def last_report(collector, audience=DEVICE):
    """What the newest status says for the audience."""
    config = collector.statuses[-1].config if collector.statuses else ()
    return next((report for report in config if report.audience == audience), None)


def kinds_sent(collector):
    return [
        msgspec.json.decode(record)["data"]["kind"]
        for envelope in list(collector.envelopes)
        for record in envelope.records.values()
    ]


def versions_sent(collector):
    """What the device's own measurements say is in force."""
    records = [
        msgspec.json.decode(record)["data"]
        for envelope in list(collector.envelopes)
        for record in envelope.records.values()
    ]
    return {found.get("remote_config_version_count") for found in records if found["kind"] == "device"}


def latency_count(spool):
    with contextlib.closing(sqlite3.connect(spool)) as db:
        rows = [bytes(data) for table in _tables(db) for (data,) in db.execute(f"SELECT data FROM {table}")]
    return sum(b'"kind":"latency"' in row for row in rows)


def _tables(db):
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [name for name in names if name in ("record", "waiting")]


def test_a_running_agent_takes_what_was_signed_and_keeps_it_without_a_broker(office, agent, broker):
    """Sign, publish: it measures something new without a restart, says so, and still does after one."""
    with running(agent), Collector(broker.port, NAME) as collector:
        agent.wait_for_log("publisher.connected")
        eventually(lambda: versions_sent(collector) == {None}, "device measurements")
        process = agent.process.pid
        office.publish(office.sign(TARGET.format(port=broker.port), 3))
        eventually(lambda: last_report(collector) == ConfigReport(audience=DEVICE, version=3), "the report")
        eventually(lambda: "latency" in kinds_sent(collector), "a measurement of the new target")
        eventually(lambda: 3 in versions_sent(collector), "the version in the device's measurements")
        assert agent.process.pid == process
        assert agent.stop() == 0
    broker.kill()
    before = latency_count(agent.spool)
    with running(agent):
        agent.wait_for_log("remote.in_force")
        agent.wait(lambda: latency_count(agent.spool) >= before + 3, "latency without a broker")
        assert agent.stop() == 0
    assert "Traceback" not in agent.log


def test_a_retained_message_waits_for_an_agent_that_comes_later(office, agent, broker):
    """Group and device; the device's own stands over its group's; an emptied topic takes nothing back."""
    office.publish(office.sign(TARGET.format(port=1), 7, GROUP))
    office.publish(office.sign(TARGET.format(port=broker.port), 2))
    with running(agent), Collector(broker.port, NAME) as collector:
        reports = (ConfigReport(audience=GROUP, version=7), ConfigReport(audience=DEVICE, version=2))
        eventually(lambda: collector.statuses and collector.statuses[-1].config == reports, "both reports")
        eventually(lambda: "latency" in kinds_sent(collector), "a measurement of the new target")
        office.retain(DEVICE_TOPIC, b"")
        office.publish(office.sign("", 8, GROUP))
        eventually(lambda: last_report(collector, GROUP).version == 8, "the group's next version")
        assert last_report(collector) == ConfigReport(audience=DEVICE, version=2)
        assert agent.stop() == 0


def test_what_must_not_be_taken_is_refused_with_its_reason_in_the_status(office, agent, broker):
    """Signature, audience, version, host, limit, key, age, garbage: nothing of it is applied."""
    good = office.sign("[link]\nperiod_s = 90\n", 5)
    for_other = office.sign("", 9, "device:desa-2")
    stolen = signing.sign(codec.decode_config(good, None).signed, signing.new_private_pem())
    ours = codec.decode_config(good, None).key
    mine = f"the signature is not one of key {ours}"
    unknown = (
        '{"audience":"device:desa-1","version":9,"issued_at_ns":1,"settings":{"broker":{"host":"evil"}}}'
    )
    refusals = [
        (forged(good, "90", "91"), None, "signature", f"{mine}; the message names key {ours}"),
        (msgspec.json.encode(stolen), None, "signature", f"{mine}; the message names key {stolen.key}"),
        (for_other, 9, "audience", "it is meant for device:desa-2"),
        (office.sign("", 4), 4, "old_version", "version 4 came after version 5"),
        (
            office.sign('[http]\npages = ["http://192.0.2.1/"]', 9),
            9,
            "host",
            "http.pages: 192.0.2.1 is not in this device's allowed_hosts",
        ),
        (
            office.sign("[speed]\ntests_per_day = 90", 9),
            9,
            "limit",
            "speed tests a day, all engines: 90; this device allows 24",
        ),
        (
            msgspec.json.encode(signing.sign(unknown, office.key.read_text())),
            None,
            "invalid_settings",
            "Object contains unknown field `broker` - at `$.settings`",
        ),
        (
            office.sign("", 9, DEVICE, "--not-after", "2025-01-01T00:00:00+07:00"),
            9,
            "expired",
            "it was to be taken before 2024-12-31T17:00:00Z",
        ),
        (b"\xff\x00 garbage", None, "malformed", "JSON is malformed: invalid character (byte 0)"),
        (b'{"v":1}', None, "malformed", "Object missing required field `key`"),
    ]
    with running(agent), Collector(broker.port, NAME) as collector:
        office.publish(good)
        eventually(lambda: last_report(collector) == ConfigReport(audience=DEVICE, version=5), "version 5")
        for payload, version, reason, detail in refusals:
            office.retain(DEVICE_TOPIC, payload)
            wanted = ConfigReport(
                audience=DEVICE, version=5, refused=reason, refused_version=version, refused_detail=detail
            )
            eventually(lambda wanted=wanted: last_report(collector) == wanted, f"{wanted} {agent.log}")
        office.publish(office.sign("", 6))
        eventually(lambda: last_report(collector) == ConfigReport(audience=DEVICE, version=6), "version 6")
        assert agent.stop() == 0
    assert agent.log.count("remote.refused") == len(refusals)
    assert agent.log.count("remote.applied") == 2
    assert "Traceback" not in agent.log


def test_without_a_public_key_nothing_is_taken(tmp_path, office, broker):
    """The agent does not even listen."""
    agent = AgentProcess(tmp_path, port=broker.port)
    agent.config.write_text(agent.config.read_text() + _REMOTE.format(key=""))
    office.publish(office.sign(TARGET.format(port=broker.port), 3))
    office.publish(office.sign(TARGET.format(port=broker.port), 3, GROUP))
    with running(agent), Collector(broker.port, NAME) as collector:
        eventually(lambda: len(kinds_sent(collector)) > 20, "measurements")
        assert agent.stop() == 0
        assert {status.config for status in collector.statuses} == {()}
        assert "latency" not in kinds_sent(collector)
    assert "remote." not in agent.log
    assert not list(agent.spool.parent.glob("remote-config*"))


def test_config_prints_what_is_in_force(office, agent, broker):
    """`pantau-agent config` shows the signed settings over the file's."""
    with running(agent), Collector(broker.port, NAME) as collector:
        office.publish(office.sign("[link]\nperiod_s = 77\n", 5, GROUP))
        eventually(lambda: last_report(collector, GROUP) is not None, "the report")
        assert agent.stop() == 0
    shown = agent.call("config")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["link"]["period_s"] == 77


def test_a_topic_is_used_for_each_audience():
    """As in the specification."""
    assert (DEVICE_TOPIC, GROUP_TOPIC) == ("pantau/v1/desa-1/config", "pantau/v1/groups/klaten/config")
