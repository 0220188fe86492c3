"""What people and networks get wrong ends in one clear line or a typed failure, never in a traceback."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from tests.fakes import pages, stamp_reflector, web
from tests.fakes.certificates import Authority

from pantau_agent import cli, jobs
from pantau_agent.config import AgentConfig, LatencyTargetConfig, load
from pantau_agent.config.settings import DnsConfig, HttpConfig, LatencyConfig, SpeedConfig
from pantau_agent.errors import AgentError
from pantau_agent.live import run_live
from pantau_agent.probes.base import Context
from pantau_agent.scheduler import measure
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from pantau_agent.scheduler import Job
    from pantau_wire.fields import AnyMeasurement

INVALID = sorted((Path(__file__).parent / "invalid-config").glob("*.toml"))
SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture
def tls_server(tmp_path):
    files = Authority(tmp_path).issue("server", host="127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    return context


def refusal(file: Path) -> list[str]:
    """Return the lines of what is wrong with a configuration."""
    try:
        jobs.jobs_of(load(file))
    except AgentError as error:
        return str(error).splitlines()
    raise AssertionError("nothing is wrong with it")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[link]\nperiod_s = "60s"', 'link.period_s: expected a number (seconds), not "60s"'),
        (
            '[speed]\nmax_bytes = "38 Mbit"',
            'speed.max_bytes: expected a whole number (bytes), not "38 Mbit"',
        ),
        ('[budget]\nmonth_mb = "2 GB"', 'budget.month_mb: expected a number (megabytes), not "2 GB"'),
        (
            '[speed]\nengines = ["http", "fast"]',
            'speed.engines[1]: expected one of http, ndt7, iperf3, speedtest, speedtest-compat, not "fast"',
        ),
        ("[speed]\nperod_s = 60", "speed.perod_s: unknown key; did you mean period_s?"),
        (
            '[traffic.router]\nhost = "192.0.2.1"\ninterface = "wan"\ncomunity = "x"',
            "traffic.router.comunity: unknown key; did you mean community?",
        ),
        ('[traffic.router]\nhost = "192.0.2.1"', "traffic.router.interface: is missing"),
    ],
    ids=lambda value: value.partition(":")[0] if ":" in value else None,
)
def test_a_wrong_setting_says_what_was_expected(tmp_path, capsys, text, message):
    """The key, what it takes and in which unit, and what stands there instead."""
    file = tmp_path / "agent.toml"
    file.write_text(text)
    assert cli.main(["--config", str(file), "config"]) == 2
    printed = capsys.readouterr()
    assert printed.err == (
        f"pantau-agent: {file}, with PANTAU_AGENT_* over it, has 1 wrong setting(s):\n  {message}\n"
    )
    assert printed.out == ""


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_every_wrong_setting_is_told_in_indonesian_too(file, monkeypatch):
    """The frame and the words are translated; key, bound and value are the same in both languages."""
    english = refusal(file)
    monkeypatch.setenv("LANGUAGE", "id")
    indonesian = refusal(file)
    assert len(indonesian) == len(english)
    of_the_wire = ("is reserved", "cannot be a device id", "cannot be a group id")
    for one, other in zip(english, indonesian, strict=True):
        assert one != other or any(words in one for words in of_the_wire)
    keys = [line.partition(": ")[0] for line in english[1:] if ": " in line]
    assert [line.partition(": ")[0] for line in indonesian[1:] if ": " in line] == keys


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_missing_certificate_is_one_line(tmp_path, capsys, command):
    """The file is named, whichever command needs it."""
    file = tmp_path / "agent.toml"
    file.write_text(
        f'device = "desa-1"\n[broker]\nport = 1\nca_file = "{tmp_path}/no.pem"\n'
        f'[spool]\npath = "{tmp_path}/spool.db"\n'
    )
    code = cli.main(["--config", str(file), command])
    printed = capsys.readouterr()
    line = f"broker: cannot read {tmp_path}/no.pem: No such file or directory"
    if command == "run":
        assert (code, printed.err) == (2, f"pantau-agent: {line}\n")
    else:
        assert (code, line in printed.out) == (1, True)
    assert "Traceback" not in printed.err + printed.out


def speed_job(url: str) -> Job:
    (job,) = jobs.speed_jobs(AgentConfig(device="desa-1", speed=SpeedConfig(url=url)))
    return replace(job, target=replace(job.target, timeout_s=2.0, line_tries=0, busy_tries=0))


def page_job(url: str) -> Job:
    config = AgentConfig(device="desa-1", http=HttpConfig(pages=(url,), timeout_s=2.0))
    return next(job for job in jobs.jobs_of(config) if job.name.startswith("http"))


async def outcome(job: Job) -> tuple[str | None, str]:
    _stamp, found = await measure(job, Context())
    return found.failure, found.failure_detail or ""


@pytest.mark.parametrize(
    ("answer", "failure", "detail"),
    [
        (web.WEB_PAGE, "protocol", "server: a web page answers for /empty, no speed test"),
        (web.PORTAL, "refused", "server: HTTP 302 for /empty: configure http://login.example.id/ instead"),
    ],
    ids=["web page", "captive portal"],
)
async def test_a_speed_test_against_a_web_site_is_a_typed_failure(answer, failure, detail):
    async with web.answering(answer) as port:
        assert await outcome(speed_job(f"http://127.0.0.1:{port}")) == (failure, detail)


@pytest.mark.parametrize("make", [speed_job, page_job])
async def test_an_ssh_server_on_the_port_is_a_typed_failure(make):
    async with pages.serving([SSH], unasked=True) as server:
        failure, detail = await outcome(make(f"http://127.0.0.1:{server.port}"))
    assert failure == "protocol"
    assert "no HTTP response: b'SSH-2.0-OpenSSH_9.2p1" in detail or "reset by peer" in detail


@pytest.mark.parametrize("make", [speed_job, page_job])
async def test_tls_to_a_plain_port_is_a_typed_failure(make):
    async with pages.serving([b"HTTP/1.1 400 Bad Request\r\n\r\n"], unasked=True) as server:
        failure, detail = await outcome(make(f"https://127.0.0.1:{server.port}"))
    assert failure == "protocol"
    assert "wrong version number" in detail.lower()


@pytest.mark.parametrize("make", [speed_job, page_job])
async def test_plain_http_to_a_tls_port_is_a_typed_failure(make, tls_server):
    async with pages.serving([b"never"], tls_server) as server:
        failure, detail = await outcome(make(f"http://127.0.0.1:{server.port}"))
    assert failure == "protocol"
    assert detail


@pytest.mark.parametrize("make", [speed_job, page_job])
async def test_a_server_that_hears_and_never_answers_is_a_typed_failure(make):
    async with pages.serving([30.0]) as server:
        failure, detail = await outcome(make(f"http://127.0.0.1:{server.port}"))
    assert failure == "timeout"
    assert detail


@pytest.mark.parametrize("make", [speed_job, page_job])
async def test_a_closed_port_is_a_typed_failure(make, unused_tcp_port):
    failure, detail = await outcome(make(f"http://127.0.0.1:{unused_tcp_port}"))
    assert failure == "refused"
    assert detail


async def test_garbage_from_a_reflector_is_loss():
    """Nobody else can answer for it: what is no STAMP packet of ours does not count."""
    deed = replace(stamp_reflector.NORMAL, octets=b"\xff" * 44)
    async with stamp_reflector.reflecting(default=deed) as reflector:
        port = reflector.transport.get_extra_info("sockname")[1]
        target = LatencyTargetConfig(target="testpoint", host="127.0.0.1", stamp_port=port, method="stamp")
        latency = LatencyConfig(targets=(target,), period_s=1.0, packets_count=3, timeout_s=0.3)
        (job,) = jobs.latency_jobs(AgentConfig(device="desa-1", latency=latency))
        _stamp, found = await measure(job, Context())
    assert isinstance(found, Latency)
    assert (found.failure, found.sent_count, found.received_count) == (None, 3, 0)


async def test_one_failing_probe_never_stops_the_others(unused_tcp_port):
    """Each has its own failure, in the order in which they were asked."""

    async def crashes(_target: Any, _context: Context) -> AnyMeasurement:
        raise RuntimeError("a fault of ours")

    config = AgentConfig(device="desa-1", dns=DnsConfig(names=("localhost",)))
    resolving = next(job for job in jobs.jobs_of(config) if job.name.startswith("dns"))
    wanted = [
        replace(resolving, probe=crashes),
        speed_job(f"http://127.0.0.1:{unused_tcp_port}"),
        resolving,
    ]
    found = await run_live(wanted, str, console=Console(quiet=True))
    assert [each.failure for each in found] == ["internal", "refused", None]
    assert found[0].failure_detail == "RuntimeError: a fault of ours"
