"""Every way in which a broker cannot be reached has its own line: real brokers, real certificates."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.support.mosquitto import tuned
from tests.agent.support.process import AgentProcess, running
from tests.fakes import brokers, pages
from tests.fakes.certificates import Authority

from pantau_agent.config import AgentConfig, BrokerConfig
from pantau_agent.config.settings import Secret, SpoolConfig
from pantau_agent.doctor.broker import broker, certificate

if TYPE_CHECKING:
    from pantau_agent.doctor.findings import Finding

DEVICE = "desa-1"
HOST = "127.0.0.1"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def configured(tmp_path, **settings: Any) -> AgentConfig:
    return AgentConfig(
        device=DEVICE,
        broker=BrokerConfig(host=HOST, **settings),
        spool=SpoolConfig(path=tmp_path / "spool" / "spool.db"),
    )


def states(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.name, finding.state) for finding in findings]


def last(findings: list[Finding]) -> tuple[str, str]:
    return findings[-1].detail, findings[-1].advice or ""


def tls_lines(authority: Authority, *, host: str = HOST, **dates: float) -> list[str]:
    server = authority.issue("server", host=host, **dates)
    return ["user root", f"certfile {server.cert}", f"keyfile {server.key}"]


@pytest.mark.parametrize("kind", brokers.KINDS)
async def test_a_broker_that_takes_us_is_well(tmp_path, kind):
    with brokers.running(kind, tmp_path) as peer:
        found = await broker(configured(tmp_path, port=peer.port))
    assert states(found) == [("broker-tcp", "ok"), ("broker-login", "ok")]
    assert found[-1].detail == "logged in as desa-1"


async def test_nobody_listens(tmp_path, unused_tcp_port):
    found = await broker(configured(tmp_path, port=unused_tcp_port))
    assert states(found) == [("broker-tcp", "problem")]
    assert last(found) == (
        f"127.0.0.1:{unused_tcp_port}: Connection refused",
        "Check [broker] port, and whether the broker runs.",
    )


async def test_a_name_that_nobody_knows(tmp_path):
    config = AgentConfig(device=DEVICE, broker=BrokerConfig(host="broker.invalid"))
    found = await broker(config)
    assert states(found) == [("broker-tcp", "problem")]
    assert last(found)[1] == "Check [broker] host, then DNS."


async def test_an_ssh_server_on_the_port(tmp_path):
    async with pages.serving([b"SSH-2.0-OpenSSH_9.2p1\r\n", 5.0], unasked=True) as server:
        found = await broker(configured(tmp_path, port=server.port))
    assert last(found) == (
        f"127.0.0.1:{server.port} is no MQTT broker: it greets with b'SSH-2.0-OpenSSH_9.2p1\\r\\n'",
        "Check [broker] host and port.",
    )


async def test_a_server_that_says_nothing_to_mqtt(tmp_path, monkeypatch):
    monkeypatch.setattr("pantau_agent.doctor.login._LOGIN_S", 1.0)
    async with pages.serving([b"never sent"]) as server:
        found = await broker(configured(tmp_path, port=server.port))
    assert states(found) == [("broker-tcp", "ok"), ("broker-login", "problem")]
    assert last(found)[1] == "Check [broker] port: something else than an MQTT broker may answer there."


async def test_a_login_that_is_refused(tmp_path):
    (tmp_path / "passwords").write_text("")
    settings = ["user root", "allow_anonymous false", f"password_file {tmp_path / 'passwords'}"]
    with tuned(tmp_path, *settings) as peer:
        config = configured(tmp_path, port=peer.port, username="desa-1", password=Secret("wrong"))
        found = await broker(config)
    assert states(found) == [("broker-tcp", "ok"), ("broker-login", "problem")]
    assert "Not authorized" in last(found)[0]
    assert last(found)[1].startswith("Check [broker] username and password")


async def test_tls_that_holds(tmp_path, authority):
    with tuned(tmp_path, *tls_lines(authority)) as peer:
        found = await broker(configured(tmp_path, port=peer.port, ca_file=authority.file))
    assert states(found) == [("broker-tcp", "ok"), ("broker-tls", "ok"), ("broker-login", "ok")]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            {"from_days": -9, "to_days": -1},
            ("has expired, as this clock sees it", "Check the clock first"),
        ),
        ({"from_days": 1, "to_days": 9}, ("is not valid yet", "The clock of this device is behind")),
        ({"host": "192.0.2.1"}, ("is for another name than 127.0.0.1", "Set [broker] host to the name")),
        ({"other_ca": 1}, ("is not signed by the CA in", "Install the CA file of this broker")),
    ],
    ids=["expired", "not yet valid", "other name", "unknown CA"],
)
async def test_a_certificate_that_cannot_be_trusted(tmp_path, authority, make, told):
    detail, advice = told
    make = dict(make)
    issuer = Authority(tmp_path, "other") if make.pop("other_ca", None) else authority
    with tuned(tmp_path, *tls_lines(issuer, **make)) as peer:
        found = await broker(configured(tmp_path, port=peer.port, ca_file=authority.file))
    assert states(found) == [("broker-tcp", "ok"), ("broker-tls", "problem")]
    assert detail in last(found)[0]
    assert last(found)[1].startswith(advice)


async def test_tls_to_a_plain_port(tmp_path, authority):
    with brokers.running("mosquitto", tmp_path) as peer:
        found = await broker(configured(tmp_path, port=peer.port, ca_file=authority.file))
    assert states(found) == [("broker-tcp", "ok"), ("broker-tls", "problem")]
    assert last(found)[0].startswith(f"no TLS at 127.0.0.1:{peer.port}: ")


async def test_plain_to_a_tls_port(tmp_path, authority):
    with tuned(tmp_path, *tls_lines(authority)) as peer:
        found = await broker(configured(tmp_path, port=peer.port))
    assert states(found) == [("broker-tcp", "ok"), ("broker-login", "problem")]
    assert last(found) == (
        f"the broker at 127.0.0.1:{peer.port} expects TLS",
        "Set [broker] ca_file to the file of the broker's CA.",
    )


@pytest.mark.parametrize("foreign", [False, True], ids=["none", "of another authority"])
async def test_a_device_certificate_that_the_broker_refuses(tmp_path, authority, foreign):
    mine = Authority(tmp_path, "foreign").issue(DEVICE) if foreign else None
    files = {"cert_file": mine.cert, "key_file": mine.key} if mine else {}
    lines = [*tls_lines(authority), f"cafile {authority.file}", "require_certificate true"]
    with tuned(tmp_path, *lines) as peer:
        config = configured(tmp_path, port=peer.port, ca_file=authority.file, **files)
        found = await broker(config)
    assert states(found) == [("broker-tcp", "ok"), ("broker-tls", "problem")]
    assert last(found)[0].startswith("the broker refuses this device's certificate: ")


async def test_a_running_agent_keeps_its_session(tmp_path):
    """With the id of the running agent the broker would throw it out."""
    with brokers.running("mosquitto", tmp_path) as peer:
        agent = AgentProcess(tmp_path, port=peer.port)
        with running(agent):
            agent.wait_for_log("publisher.connected")
            config = AgentConfig(
                device=DEVICE,
                broker=BrokerConfig(host=HOST, port=peer.port),
                spool=SpoolConfig(path=agent.spool),
            )
            found = await broker(config)
            records = agent.state().last_seq
            agent.wait_for_records(records + 5)
            assert agent.log.count("publisher.connected") == 1
            assert "publisher.disconnected" not in agent.log
    assert states(found) == [("broker-tcp", "ok"), ("broker-login", "ok")]
    assert last(found)[0] == (
        "the agent is running and connected; not logged in a second time, which would end its session"
    )


async def test_the_device_certificate_is_looked_at(tmp_path, authority):
    mine = authority.issue(DEVICE, to_days=90)
    config = configured(tmp_path, ca_file=authority.file, cert_file=mine.cert, key_file=mine.key)
    (found,) = await certificate(config)
    assert (found.name, found.state) == ("broker-certificate", "ok")
    assert found.detail.startswith("for desa-1, until ")


@pytest.mark.parametrize(
    ("issued", "state", "detail"),
    [
        ({"from_days": -9, "to_days": -1}, "problem", "this device's certificate expired on "),
        ({"from_days": 1, "to_days": 9}, "problem", "this device's certificate is not valid yet"),
        ({"to_days": 44}, "warning", "this device's certificate expires on "),
        ({"name": "desa-2"}, "problem", "the certificate is for desa-2, and this device is called desa-1"),
    ],
    ids=["expired", "not yet valid", "soon", "another device's"],
)
async def test_a_device_certificate_that_will_not_do(tmp_path, authority, issued, state, detail):
    mine = authority.issue(**{"name": DEVICE, **issued})
    config = configured(tmp_path, ca_file=authority.file, cert_file=mine.cert, key_file=mine.key)
    (found,) = await certificate(config)
    assert (found.name, found.state) == ("broker-certificate", state)
    assert found.detail.startswith(detail)


async def test_a_missing_certificate_is_named(tmp_path, authority):
    config = configured(
        tmp_path, ca_file=authority.file, cert_file=tmp_path / "no.pem", key_file=tmp_path / "no.key"
    )
    (found,) = await certificate(config)
    assert (found.state, found.detail) == (
        "problem",
        f"broker: cannot read {tmp_path / 'no.pem'}: No such file or directory",
    )


async def test_a_key_that_everybody_can_read_is_a_warning(tmp_path, authority):
    mine = authority.issue(DEVICE)
    mine.key.chmod(0o644)
    config = configured(tmp_path, ca_file=authority.file, cert_file=mine.cert, key_file=mine.key)
    found = await certificate(config)
    assert states(found) == [("broker-certificate", "ok"), ("broker-key", "warning")]
    assert found[-1].advice == f"chmod 640 {mine.key}"


async def test_without_tls_there_is_a_warning(tmp_path):
    (found,) = await certificate(configured(tmp_path))
    assert (found.state, found.detail) == (
        "warning",
        "TLS is off: everybody on the way can read and change what is published",
    )


async def test_a_silent_address_ends_in_time(tmp_path, monkeypatch):
    """A full backlog answers no SYN, as a firewall that drops does."""
    monkeypatch.setattr("pantau_agent.doctor.broker._CONNECT_S", 0.5)
    with socket.socket() as silent:
        silent.bind((HOST, 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex((HOST, port))
        found = await broker(configured(tmp_path, port=port))
        for filler in fillers:
            filler.close()
    assert states(found) == [("broker-tcp", "problem")]
    assert last(found)[1] == "Check cable, router and firewall, then [broker] host and port."
