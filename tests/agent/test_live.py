"""`pantau-agent test` as a person sees it, against real servers."""

from __future__ import annotations

import io
import json
import socket
from typing import TYPE_CHECKING, get_args

import pytest
from rich.console import Console
from tests.fakes.librespeed import LibreSpeed

from pantau_agent.live import Words, rows_of, run_live
from pantau_agent.probes import PROBES
from pantau_agent.probes.base import Phase
from pantau_agent.probes.latency import LatencyTarget
from pantau_agent.probes.speed import SpeedTarget
from pantau_agent.scheduler import Job
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
    return Job("speed", PROBES["speed"], target, 60.0, 60.0, Speed(engine="http"))


def latency_job(port: int) -> Job:
    target = LatencyTarget(
        target="testpoint", host="127.0.0.1", tcp_port=port, method="tcp", count=3, spread_s=0.1
    )
    blank = Latency(target="testpoint", method="tcp")
    return Job("latency-testpoint", PROBES["latency"], target, 60.0, 60.0, blank)


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
