"""`pantau-agent test` as a person sees it, against real servers."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any, get_args

import pytest
from rich.console import Console
from tests.agent.support.process import PROGRAM
from tests.fakes.librespeed import LibreSpeed

from pantau_agent import cli
from pantau_agent.config import AgentConfig, LatencyTargetConfig
from pantau_agent.config.settings import LatencyConfig, SpeedConfig
from pantau_agent.errors import ConfigError
from pantau_agent.live import Words, rows_of, run_live
from pantau_agent.live.cards import print_card
from pantau_agent.live.choosing import jobs_wanted
from pantau_agent.live.sparkline import sparkline
from pantau_agent.probes import PROBES
from pantau_agent.probes.base import Phase
from pantau_agent.probes.latency import LatencyTarget
from pantau_agent.probes.speed import SpeedTarget
from pantau_agent.probes.speed.engines import ENGINES
from pantau_agent.scheduler import Job
from pantau_agent.schedules import Periodic
from pantau_wire.fields import Failure, Latency, LimitedBy, Speed

if TYPE_CHECKING:
    from collections.abc import Iterator

INDONESIAN = {"Download": "Unduh", "Speed test": "Uji kecepatan", "decimal point: .": "tanda desimal: ,"}


def english(text: str) -> str:
    return text


def indonesian(text: str) -> str:
    return INDONESIAN.get(text, text)


@pytest.fixture
def server() -> Iterator[LibreSpeed]:
    with LibreSpeed() as running:
        yield running


def speed_job(url: str) -> Job:
    target = SpeedTarget(
        url=url,
        download_s=0.7,
        upload_s=0.7,
        download_discard_s=0.1,
        upload_discard_s=0.1,
        idle_pings=3,
        ping_interval_s=0.05,
    )
    return Job("speed", PROBES["speed"], target, Periodic(60.0), 60.0, Speed(engine="http"))


def latency_job(port: int) -> Job:
    target = LatencyTarget(
        target="testpoint", host="127.0.0.1", tcp_port=port, method="tcp", count=3, spread_s=0.1
    )
    blank = Latency(target="testpoint", method="tcp")
    return Job("latency-testpoint", PROBES["latency"], target, Periodic(60.0), 60.0, blank)


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=100, color_system=None), out


async def test_without_a_terminal_there_are_plain_lines(server: LibreSpeed) -> None:
    screen, out = console(terminal=False)
    found = await run_live([speed_job(server.url)], english, console=screen)
    lines = out.getvalue().splitlines()
    assert lines[0] == f"Speed test ({server.url})"
    assert lines[1:4] == ["  Delay while idle …", "  Download …", "  Upload …"]
    assert isinstance(found[0], Speed)
    assert found[0].download_goodput_bps is not None
    assert f"  Download: {found[0].download_goodput_bps / 1e6:.2f} Mbit/s" in lines
    assert "\x1b" not in out.getvalue()


async def test_a_terminal_shows_bars_and_a_card(server: LibreSpeed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        screen, out = console(terminal=True)
        jobs = [latency_job(listener.getsockname()[1]), speed_job(server.url)]
        await run_live(jobs, english, console=screen)
    shown = out.getvalue()
    assert "━" in shown
    assert "Lost packets" in shown
    assert "0.0 % (3/3)" in shown
    assert "Limited by" in shown


async def test_indonesian_is_spoken(server: LibreSpeed) -> None:
    screen, out = console(terminal=False)
    found = await run_live([speed_job(server.url)], indonesian, console=screen)
    assert isinstance(found[0], Speed)
    assert found[0].download_goodput_bps is not None
    expected = f"{found[0].download_goodput_bps / 1e6:.2f}".replace(".", ",")
    assert f"  Unduh: {expected} Mbit/s" in out.getvalue()


async def test_json_is_one_object_and_nothing_else(
    server: LibreSpeed, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_live([speed_job(server.url)], english, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["measurements"][0]["kind"] == "speed"
    assert printed["measurements"][0]["download_goodput_bps"] > 0


async def test_a_failure_says_what_to_do() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    screen, out = console(terminal=False)
    await run_live([speed_job(f"http://127.0.0.1:{port}")], english, console=screen)
    shown = out.getvalue()
    assert "  Failed: the server refused" in shown
    assert "  What to do: Check address and port" in shown
    assert f"  Detail: server: connect to 127.0.0.1:{port}: Connection refused" in shown
    assert "  Download: -" in shown


def test_there_are_words_for_everything() -> None:
    words = Words(english)
    assert all(words.failure(failure) and words.advice(failure) for failure in get_args(Failure))
    assert all(words.limit(limit) for limit in get_args(LimitedBy))
    assert all(words.phase(phase) for phase in get_args(Phase))


def test_silence_is_shown_as_loss_with_advice() -> None:
    silent = Latency(target="internet", method="icmp", sent_count=20, received_count=0, rt_loss_ratio=1.0)
    title, rows = rows_of(silent, Words(english))
    values = {row.label: row.value for row in rows}
    assert title == "Delay to the internet"
    assert values["Lost packets"] == "100.0 % (0/20)"
    assert values["Delay"] == "-"
    assert "What to do" in values


def test_a_card_shows_all_that_a_speed_test_found() -> None:
    """Each way, responsiveness, how it ended, what held it back, doubts, and the data used."""
    speed = Speed(
        engine="iperf3",
        server="uji.example.id:5201",
        download_goodput_bps=93_210_000.0,
        upload_goodput_bps=9_120_000.0,
        download_bytes=120_000_000,
        upload_bytes=3_400_000,
        idle_rtd_p50_ms=12.0,
        loaded_rtd_down_p50_ms=35.25,
        download_responsiveness_rpm=1234.4,
        upload_responsiveness_rpm=456.0,
        download_series_bps=(50e6, 100e6),
        download_ended_by="stable",
        upload_ended_by="time",
        limited_by="busy_line",
        limit_detail="40 kB/s of other traffic",
        interface_ratio_suspect=True,
        download_interface_ratio=1.8,
        upload_interface_ratio=1.02,
        line_wait_s=60.0,
    )
    title, rows = rows_of(speed, Words(english))
    assert title == "Speed test with iperf3"
    assert [(row.label, row.value) for row in rows] == [
        ("Server", "uji.example.id:5201"),
        ("Download", "93.21 Mbit/s"),
        ("Upload", "9.12 Mbit/s"),
        ("Delay while idle", "12.0 ms"),
        ("Delay while downloading", "35.2 ms"),
        ("Delay while uploading", "-"),
        ("Responsiveness", "Download: 1234 RPM, Upload: 456 RPM"),
        ("Ended", "Download: as soon as the rate was stable, Upload: after the full time"),
        ("Limited by", "other traffic on the line (40 kB/s of other traffic)"),
        ("Doubtful", "the interface carried 1.80 and 1.02 times what was counted (download, upload)"),
        ("Data used", "123.4 MB"),
        ("Waited for the line", "60 s"),
    ]
    assert rows[1].series == (50e6, 100e6)


@pytest.mark.parametrize(
    ("series", "drawn"),
    [
        ((), ""),
        ((0.0,), "▁"),
        ((5.0,), "█"),
        ((0.0, 25e6, 50e6, 100e6), "▁▃▅█"),
        (tuple(float(i) for i in range(1, 121)), "▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇███"),
    ],
)
def test_a_series_is_drawn_from_zero_to_its_maximum(series: tuple[float, ...], drawn: str) -> None:
    assert sparkline(series) == drawn


@pytest.mark.parametrize(("encoding", "draws"), [("utf-8", True), ("ascii", False)])
def test_a_series_is_drawn_only_where_the_terminal_can(encoding: str, draws: bool) -> None:
    octets = io.BytesIO()
    with io.TextIOWrapper(octets, encoding=encoding, write_through=True) as out:
        screen = Console(file=out, force_terminal=True, width=80, color_system=None)
        speed = Speed(engine="http", download_goodput_bps=1e6, download_series_bps=(1e6, 1e6))
        print_card(screen, Words(english), speed)
        assert ("██" in octets.getvalue().decode(encoding)) == draws


async def test_an_engine_that_is_not_available_says_what_to_install(
    server: LibreSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ENGINES["http"], "unavailable", lambda: "iperf3 is missing: apt install iperf3")
    screen, out = console(terminal=False)
    found = await run_live([speed_job(server.url)], english, console=screen)
    assert found[0].failure == "unsupported"
    assert "iperf3 is missing: apt install iperf3" in out.getvalue()


def configured(**settings: Any) -> AgentConfig:
    target = LatencyTargetConfig(target="testpoint", host="127.0.0.1")
    latency = LatencyConfig(targets=(target,))
    return AgentConfig(device="desa-1", latency=latency, speed=SpeedConfig(**settings))


BOTH = {"engines": ("http", "ndt7"), "url": "http://a.id", "ndt7_url": "wss://b.id"}


@pytest.mark.parametrize(
    ("settings", "asked", "names"),
    [
        (BOTH, {}, ["latency-testpoint", "speed", "speed-ndt7"]),
        (BOTH, {"engine": "ndt7"}, ["speed-ndt7"]),
        (BOTH, {"once": True}, ["speed", "speed-ndt7"]),
        ({}, {}, ["latency-testpoint"]),
        ({}, {"server": "http://c.id"}, ["latency-testpoint", "speed"]),
        ({}, {"engine": "iperf3", "server": "c.id:5201"}, ["speed-iperf3"]),
        ({}, {"engine": "speedtest", "server": "1234"}, ["speed-speedtest"]),
    ],
)
def test_what_is_asked_for_is_run(settings: dict[str, Any], asked: dict[str, Any], names: list[str]) -> None:
    assert [job.name for job in jobs_wanted(configured(**settings), **asked)] == names


def test_a_server_that_is_named_takes_the_place_of_the_configured_one() -> None:
    (job,) = jobs_wanted(configured(**BOTH), server="http://c.id", once=True)
    assert job.target.url == "http://c.id"
    assert (job.target.line_tries, job.target.busy_tries, job.target.skip_busy_line) == (0, 0, False)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"engine": "ndt7"}, "speed: engine ndt7 needs ndt7_url"),
        ({"engine": "http"}, "speed: engine http needs url, or --server"),
        (
            {"engine": "speedtest", "server": "abc"},
            "speed: engine speedtest takes the number of a server, not 'abc'",
        ),
        ({"server": "ftp://c.id"}, "speed: url must begin with http://, https://"),
    ],
)
def test_what_cannot_be_run_is_one_line(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        jobs_wanted(configured(), **asked)
    assert str(error.value) == message


def test_nothing_to_measure_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGUAGE", "en")
    assert cli.main(["--config", os.devnull, "test"]) == 2
    assert capsys.readouterr().err == (
        "pantau-agent: nothing to measure: name a test server with --server,"
        " or targets in the configuration\n"
    )


def test_a_person_who_interrupts_gets_a_clean_end(server: LibreSpeed) -> None:
    """130, no traceback, and no process or connection left behind."""
    command = [str(PROGRAM), "--config", os.devnull, "test", "--server", server.url, "--once"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if "Download" in line or "Unduh" in line:
            break
    running.send_signal(signal.SIGINT)
    _out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert err == ""
    server.wait_until_idle()
