"""The checks of clock, names, targets, spool, disk and allowance, each against its real counterpart."""

from __future__ import annotations

import datetime as dt
import email.utils
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.remote import controls
from tests.agent.remote.signing_desk import order
from tests.fakes import pages, stamp_reflector
from tests.fakes.librespeed import Behaviour, LibreSpeed

from pantau_agent.budget import ledger
from pantau_agent.config import AgentConfig, LatencyTargetConfig
from pantau_agent.config.settings import (
    BrokerConfig,
    BudgetConfig,
    LatencyConfig,
    RemoteConfig,
    SpeedConfig,
    SpoolConfig,
)
from pantau_agent.doctor import allowance, network, storage, testpoint, timing
from pantau_agent.remote import keep
from pantau_agent.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_agent.doctor.findings import Finding

DAY = 86_400
NOW_NS = 1_790_000_000_000_000_000


def only(findings: list[Finding]) -> tuple[str, str]:
    (found,) = findings
    return found.state, found.detail


def speed_config(url: str) -> AgentConfig:
    return AgentConfig(device="desa-1", speed=SpeedConfig(url=url))


def latency_config(**target: Any) -> AgentConfig:
    wanted = LatencyTargetConfig(**{"target": "testpoint", "host": "127.0.0.1", **target})
    return AgentConfig(device="desa-1", latency=LatencyConfig(targets=(wanted,)))


def spool_config(path: Path, **settings: Any) -> AgentConfig:
    return AgentConfig(device="desa-1", spool=SpoolConfig(path=path, **settings))


@pytest.mark.parametrize(
    ("time_ns", "clock", "state", "detail"),
    [
        (NOW_NS, "synced", "ok", "2026-09-21 14:13:20 UTC, synchronised"),
        (NOW_NS, "unsynced", "warning", "2026-09-21 14:13:20 UTC, not known to be synchronised"),
        (0, "unsynced", "problem", "it is 1970-01-01 00:00:00 UTC: the clock was lost with the power"),
    ],
)
def test_the_clock_is_judged(time_ns, clock, state, detail):
    found = timing.judge_clock(time_ns, clock)
    assert (found.state, found.detail) == (state, detail)


@pytest.mark.parametrize(
    ("ahead_s", "state", "words"),
    [
        (0, "ok", "agrees to within 5 s"),
        (60, "warning", "s behind the test server's"),
        (-60, "warning", "s ahead of the test server's"),
        (-40 * 365 * DAY, "problem", "s ahead of the test server's"),
    ],
)
async def test_the_clock_is_compared_with_the_test_servers(ahead_s, state, words):
    """The Date of any HTTP server will do."""
    date = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead_s)
    head = f"HTTP/1.1 404 No\r\nDate: {email.utils.format_datetime(date, usegmt=True)}\r\n\r\n"
    async with pages.serving([head.encode()]) as server:
        found = await timing.clock_offset(speed_config(f"http://127.0.0.1:{server.port}"))
    assert found[0].state == state
    assert words in found[0].detail


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-x\r\n"])
async def test_a_server_that_tells_no_time_is_no_line(head):
    """The engine's line says what is wrong with it."""
    async with pages.serving([head]) as server:
        assert await timing.clock_offset(speed_config(f"http://127.0.0.1:{server.port}")) == []


async def test_names_that_do_not_resolve_are_listed():
    config = AgentConfig(
        device="desa-1",
        broker=BrokerConfig(host="localhost"),
        speed=SpeedConfig(url="http://pantau.invalid:8989"),
    )
    state, detail = only(await network.dns(config))
    assert state == "problem"
    assert detail.startswith("not resolved: pantau.invalid (look up pantau.invalid: ")
    assert "localhost" not in detail


async def test_addresses_need_no_names():
    assert await network.dns(AgentConfig(device="desa-1")) == []


async def test_icmp_is_asked_for_only_where_it_is_used():
    assert await network.icmp_permission(latency_config(method="tcp")) == []
    ((state, _detail),) = [only(await network.icmp_permission(latency_config(method="icmp")))]
    assert state in {"ok", "problem"}


async def test_a_test_server_answers():
    with LibreSpeed() as server:
        assert only(await testpoint.engines(speed_config(server.url))) == (
            "ok",
            f"{server.url} answers as a test server",
        )


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Behaviour(speaks_http=False), "no HTTP response: b'220 mail.example ESMTP ready"),
        (Behaviour(empty_path="/else"), "no speed test answers there: HTTP 404 for every known path"),
    ],
    ids=["mail server", "another web server"],
)
async def test_what_is_no_test_server_is_told_apart(behaviour, words):
    with LibreSpeed(behaviour) as server:
        state, detail = only(await testpoint.engines(speed_config(server.url)))
    assert state == "problem"
    assert words in detail


async def test_a_testpoint_that_wants_a_token_is_not_blamed_on_the_firewall():
    asking = b'HTTP/1.1 401 X\r\nWWW-Authenticate: Pantau error="missing"\r\nContent-Length: 0\r\n\r\n'
    async with pages.serving([asking]) as server:
        (found,) = await testpoint.engines(speed_config(f"http://127.0.0.1:{server.port}"))
    assert found.state == "problem"
    assert "none came yet" in found.detail
    assert found.advice == (
        "Let the agent run until a collector has answered it; the device must be registered."
    )


async def test_a_login_page_is_not_taken_for_a_test_server():
    """A captive portal redirects whatever is asked for."""
    portal = b"HTTP/1.1 302 Found\r\nLocation: http://login.example.id/\r\nContent-Length: 0\r\n\r\n"
    async with pages.serving([portal]) as server:
        state, detail = only(await testpoint.engines(speed_config(f"http://127.0.0.1:{server.port}")))
    assert state == "problem"
    assert "HTTP 302" in detail
    assert "http://login.example.id/" in detail


async def test_a_reflector_answers():
    async with stamp_reflector.reflecting() as reflector:
        port = reflector.transport.get_extra_info("sockname")[1]
        state, detail = only(await testpoint.latency(latency_config(stamp_port=port, method="stamp")))
    assert state == "ok"
    assert detail.startswith(f"127.0.0.1:{port}, stamp: 4 of 4 answers, ")


async def test_a_silent_reflector_is_a_problem(unused_udp_port, monkeypatch):
    monkeypatch.setattr("pantau_agent.doctor.testpoint._ANSWER_S", 0.3)
    config = latency_config(stamp_port=unused_udp_port, method="stamp")
    assert only(await testpoint.latency(config)) == (
        "problem",
        f"127.0.0.1:{unused_udp_port}, stamp: 0 of 4 answers",
    )


async def test_a_method_that_had_to_stand_in_is_a_warning(unused_udp_port, unused_tcp_port, monkeypatch):
    monkeypatch.setattr("pantau_agent.doctor.testpoint._ANSWER_S", 0.3)
    config = latency_config(host="127.0.0.9", stamp_port=unused_udp_port, tcp_port=unused_tcp_port)
    state, detail = only(await testpoint.latency(config))
    assert state == "warning"
    assert detail.endswith(f"; no STAMP answer from port {unused_udp_port}")


async def test_a_spool_that_is_not_there_yet_is_not_made(tmp_path):
    path = tmp_path / "deep" / "spool.db"
    assert only(await storage.spool(spool_config(path))) == ("ok", f"{path}: the first run will make it")
    assert list(tmp_path.iterdir()) == []


async def test_a_spool_tells_whether_an_agent_runs(tmp_path):
    path = tmp_path / "spool.db"
    opened = Spool(path, max_bytes=10_000_000)
    _state, detail = only(await storage.spool(spool_config(path)))
    assert detail.endswith("; an agent is running")
    opened.close()
    _state, detail = only(await storage.spool(spool_config(path)))
    assert detail.endswith("; no agent is running")


async def test_a_damaged_spool_is_left_as_it_is(tmp_path):
    path = tmp_path / "spool.db"
    path.write_bytes(b"no database" * 500)
    before = path.read_bytes()
    state, detail = only(await storage.spool(spool_config(path)))
    assert (state, detail.partition(":")[0]) == ("problem", f"{path} is damaged")
    assert path.read_bytes() == before


async def test_a_damage_inside_the_spool_is_seen(tmp_path, spool):
    """Pages that no query of the counters would read."""
    spool.close()
    path = spool.path
    octets = bytearray(path.read_bytes())
    octets[4096 : len(octets) : 7] = b"\xff" * len(octets[4096 : len(octets) : 7])
    path.write_bytes(octets)
    state, _detail = only(await storage.spool(spool_config(path)))
    assert state == "problem"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_this_user_may_not_write(tmp_path):
    tmp_path.chmod(0o500)
    state, detail = only(await storage.spool(spool_config(tmp_path / "spool.db")))
    assert (state, detail) == ("warning", f"this user may not write {tmp_path / 'spool.db'}")


@pytest.mark.parametrize(("max_bytes", "state"), [(1_000_000, "ok"), (10**18, "warning")])
async def test_the_disk_is_measured_against_the_spools_limit(tmp_path, max_bytes, state):
    config = spool_config(tmp_path / "new" / "spool.db", max_bytes=max_bytes)
    assert only(await storage.disk(config))[0] == state


async def test_without_a_budget_there_is_no_limit():
    assert only(await allowance.budget(AgentConfig(device="desa-1"))) == ("ok", "no limit")


async def test_a_budget_of_which_nothing_is_used(tmp_path):
    config = AgentConfig(
        device="desa-1", spool=SpoolConfig(path=tmp_path / "s.db"), budget=BudgetConfig(month_mb=500)
    )
    assert only(await allowance.budget(config)) == ("ok", "nothing used yet of 500 MB a month")


@pytest.mark.parametrize(
    ("used_mb", "state", "detail"),
    [
        (100, "ok", "100 of 500 MB used in 2026-11"),
        (420, "warning", "420 of 500 MB used in 2026-11; speed tests run in peak hours only"),
        (500, "warning", "500 of 500 MB used in 2026-11; no speed test runs"),
    ],
)
async def test_the_budget_is_read_from_the_agents_ledger(tmp_path, used_mb, state, detail):
    kept = ledger.Ledger(tmp_path / "budget.db")
    kept.book("2026-11", {"speed": ledger.Bytes(used_mb * 1_000_000, 0)})
    kept.close()
    config = AgentConfig(
        device="desa-1", spool=SpoolConfig(path=tmp_path / "s.db"), budget=BudgetConfig(month_mb=500)
    )
    assert only(await allowance.budget(config)) == (state, detail)


async def test_remote_configuration_tells_its_version(tmp_path):
    config = controls.local(tmp_path)
    assert only(await allowance.remote(config)) == ("ok", "on: nothing has been received yet")
    assert controls.take(controls.control_of(config), order(version=7))
    assert only(await allowance.remote(config)) == ("ok", "on: version 7 is in force")
    keep.file_beside(config.spool.path).write_text("{")
    assert only(await allowance.remote(config))[0] == "problem"


async def test_remote_configuration_is_off_without_a_key():
    config = AgentConfig(device="desa-1", remote=RemoteConfig())
    assert only(await allowance.remote(config)) == ("ok", "off: no public key is set")
