"""The doctor as a technician runs it: what it prints, in which language, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.agent.support.process import PROGRAM
from tests.fakes import brokers
from tests.fakes.librespeed import LibreSpeed

from pantau_agent import cli, i18n
from pantau_agent.config import AgentConfig
from pantau_agent.doctor import report
from pantau_agent.doctor.examination import examine
from pantau_agent.doctor.findings import ok
from pantau_agent.doctor.registry import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
device = "desa-1"
[broker]
port = {broker}
[spool]
path = "{folder}/spool/spool.db"
[latency]
targets = [{{ target = "testpoint", host = "127.0.0.1", tcp_port = {speed}, method = "tcp" }}]
[speed]
url = "http://127.0.0.1:{speed}"
"""
NAMES = {
    "configuration",
    "clock",
    "route",
    "broker-certificate",
    "broker-tcp",
    "broker-login",
    "latency-testpoint",
    "engine-http",
    "spool",
    "disk",
    "budget",
    "remote",
}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", "en")
    yield
    i18n.use(None)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A device whose broker and testpoint are there."""
    with brokers.running("embedded", tmp_path) as broker, LibreSpeed() as server:
        speed = int(server.url.rpartition(":")[2])
        file = tmp_path / "agent.toml"
        file.write_text(CONFIG.format(broker=broker.port, folder=tmp_path, speed=speed))
        yield file


def test_a_healthy_device_has_no_problem_and_nothing_is_made(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names are the contract for programs; the machine that tests may lack a network."""
    assert cli.main(["--config", str(config), "doctor", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = {check["name"]: check for check in printed["checks"]}
    assert printed["ok"] is True
    assert set(found) >= NAMES
    assert {check["state"] for check in found.values()} <= {"ok", "warning"}
    assert all(set(check) == {"name", "state", "detail", "advice"} for check in found.values())
    assert found["broker-login"]["state"] == found["engine-http"]["state"] == "ok"
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("language", "summary", "advice"),
    [
        ("en_US.UTF-8", r"\d+ problem\(s\), \d+ warning\(s\)", "What to do: Check [broker] port"),
        ("id_ID.UTF-8", r"\d+ masalah, \d+ peringatan", "Tindakan: Periksa [broker] port"),
    ],
)
def test_a_problem_ends_with_1_and_says_what_to_do(
    tmp_path: Path, unused_tcp_port: int, language: str, summary: str, advice: str
) -> None:
    """In the language of the terminal; a line for each finding where no terminal is."""
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(broker=unused_tcp_port, folder=tmp_path, speed=unused_tcp_port))
    done = subprocess.run(
        [str(PROGRAM), "--config", str(file), "doctor"],
        env={"LANG": language, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    *lines, last = done.stdout.splitlines()
    assert re.fullmatch(summary, last)
    (login,) = [
        line for line in lines if f":{unused_tcp_port}: Connection refused" in line and "[broker]" in line
    ]
    assert advice in login


def test_a_wrong_configuration_is_the_first_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What needs no configuration is looked at all the same."""
    file = tmp_path / "agent.toml"
    file.write_text('[broker]\nhots = "x"\n')
    assert cli.main(["--config", str(file), "doctor", "--json"]) == 1
    first, *others = json.loads(capsys.readouterr().out)["checks"]
    assert (first["name"], first["state"]) == ("configuration", "problem")
    assert first["detail"].endswith("1 wrong setting(s): broker.hots: unknown key; did you mean host?")
    assert {"clock", "route", "link"} == {check["name"] for check in others}


def test_without_configuration_it_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And sends nothing to a broker that nobody named."""
    file = tmp_path / "agent.toml"
    file.write_text("")
    assert cli.main(["--config", str(file), "doctor", "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert checks[0]["advice"].startswith("Write it: device, [broker] host")
    assert not [check for check in checks if check["name"].startswith("broker")]


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_configured_language_is_spoken(
    config: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    config.write_text(f'language = "{language}"\n' + config.read_text())
    cli.main(["--config", str(config), "doctor"])
    assert ("peringatan" in capsys.readouterr().out) == (language == "id")


async def test_a_check_that_crashes_or_hangs_is_a_line_of_its_own() -> None:
    """The others are found all the same."""

    async def crashes(_config: AgentConfig) -> list[object]:
        raise RuntimeError("boom")

    async def hangs(_config: AgentConfig) -> list[object]:
        await asyncio.Event().wait()
        return []

    async def works(_config: AgentConfig) -> list[object]:
        return [ok("works", "yes")]

    checks = {"crashes": crashes, "hangs": hangs, "works": works}
    found = await examine(checks, AgentConfig(device="x"), limit_s=0.2)
    assert [(each.name, each.state, each.detail) for each in found] == [
        ("crashes", "problem", "this check failed: RuntimeError: boom"),
        ("hangs", "problem", "this check did not end in 0.2 s"),
        ("works", "ok", "yes"),
    ]


def test_every_check_has_a_title() -> None:
    fallback = report._title("engine-x").replace("x", "")
    assert not [name for name in CHECKS if report._title(name).startswith(fallback)]
