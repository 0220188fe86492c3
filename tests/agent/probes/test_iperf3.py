"""The engine `iperf3`: the real program against real servers of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from pantau_agent.probes.base import Context, Progress
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed import SpeedTarget, speed
from pantau_agent.probes.speed.iperf3 import engine
from pantau_agent.probes.speed.iperf3.report import failure_of, parse
from pantau_agent.probes.speed.transport.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_wire.fields import Speed

SHORT = {
    "download_s": 2.0,
    "upload_s": 2.0,
    "download_discard_s": 0.5,
    "upload_discard_s": 0.5,
    "timeout_s": 3.0,
}
READY_WITHIN_S = 20.0

needs_iperf3 = pytest.mark.skipif(
    shutil.which("iperf3") is None, reason="iperf3 is missing: apt-get install iperf3"
)


async def measure(*servers: str, context: Context | None = None, **settings: Any) -> Speed:
    target = SpeedTarget(**{"engine": "iperf3", "servers": servers, **SHORT, **settings})
    return await speed(target, context or Context())


@contextmanager
def iperf3_server(port: int) -> Iterator[str]:
    """Run a server on the loopback, from when it listens on; yield its name."""
    command = ["iperf3", "--server", "--bind", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as process:  # type: ignore[call-overload]
        try:
            until_s = time.monotonic() + READY_WITHIN_S
            watched = psutil.Process(process.pid)
            while not any(found.status == "LISTEN" for found in watched.net_connections()):
                assert time.monotonic() < until_s
                time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def other_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def programs() -> list[psutil.Process]:
    """Return the child processes of this test that are clients, or zombies."""
    found = [child for child in psutil.Process().children() if child.name() == "iperf3"]
    return [child for child in found if "--server" not in child.cmdline()]


@contextmanager
def occupied(server: str, seconds: int) -> Iterator[None]:
    """Keep a server busy with a slow client of its own."""
    address, port = server.split(":")
    command = ["iperf3", "-c", address, "-p", port, "-t", str(seconds), "-b", "1M", "--forceflush"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while b"bits/sec" not in process.stdout.readline():
            assert process.poll() is None
        try:
            yield
        finally:
            process.terminate()
            process.stdout.read()


@needs_iperf3
async def test_both_ways_are_measured(unused_tcp_port: int) -> None:
    told: list[Progress] = []
    context = Context(on_progress=told.append)
    with iperf3_server(unused_tcp_port) as server:
        found = await measure(server, context=context, streams=2)
    assert (found.failure, found.engine, found.server) == (None, "iperf3", server), found.failure_detail
    assert found.download_goodput_bps
    assert found.upload_goodput_bps
    assert found.download_bytes is not None
    assert found.upload_bytes is not None
    assert found.download_streams_count == found.upload_streams_count == 2
    assert (found.download_discard_s, found.idle_rtd_p50_ms, found.loaded_rtd_down_p50_ms) == (
        1.0,
        None,
        None,
    )
    assert found.download_duration_s == pytest.approx(1.0, abs=0.3)
    assert found.download_interface_ratio is not None
    assert found.download_interface_ratio > 0.95
    assert found.download_series_bps is not None
    assert found.upload_series_bps is None, "what the receiver got each second is not known here"
    phases = [phase for phase, _ in itertools.groupby(told, key=lambda progress: progress.phase)]
    assert phases == ["download", "upload"]
    assert any(progress.rate_bps for progress in told)
    payload = found.download_bytes + found.upload_bytes
    assert context.test_traffic.totals("lo")[0] == pytest.approx(payload, rel=0.15)
    assert not programs()


@needs_iperf3
async def test_a_server_that_is_not_there_is_passed_over(unused_tcp_port: int, other_port: int) -> None:
    with iperf3_server(unused_tcp_port) as server:
        found = await measure(f"127.0.0.1:{other_port}", server)
    assert (found.failure, found.server) == (None, server), found.failure_detail


@needs_iperf3
async def test_a_busy_server_is_passed_over(unused_tcp_port: int, other_port: int) -> None:
    with iperf3_server(unused_tcp_port) as busy, iperf3_server(other_port) as free, occupied(busy, 60):
        found = await measure(busy, free)
    assert (found.failure, found.server) == (None, free), found.failure_detail


@needs_iperf3
async def test_the_only_server_is_asked_again_after_a_pause(unused_tcp_port: int) -> None:
    told: list[Progress] = []
    waiting = asyncio.Event()

    def watch(progress: Progress) -> None:
        told.append(progress)
        if progress.phase == "waiting":
            waiting.set()

    with iperf3_server(unused_tcp_port) as server:
        with occupied(server, 60):
            settings = {"busy_wait_s": 1.0, "busy_tries": 30}
            test = asyncio.create_task(measure(server, context=Context(on_progress=watch), **settings))
            await waiting.wait()
        found = await test
    assert found.failure is None, found.failure_detail


@needs_iperf3
async def test_a_server_that_stays_busy_is_given_up(unused_tcp_port: int) -> None:
    with iperf3_server(unused_tcp_port) as server, occupied(server, 60):
        found = await measure(server, busy_wait_s=0.1, busy_tries=2)
    assert (found.failure, found.limited_by) == ("busy", "server")
    assert "still busy after 2 waits" in (found.failure_detail or "")


@needs_iperf3
async def test_no_server_at_all_is_a_typed_failure(unused_tcp_port: int) -> None:
    found = await measure(f"127.0.0.1:{unused_tcp_port}")
    assert (found.failure, found.server) == ("refused", f"127.0.0.1:{unused_tcp_port}")
    assert "Connection refused" in (found.failure_detail or "")


@needs_iperf3
@pytest.mark.parametrize(
    ("server", "failure"), [("no-such-host.invalid", "name_resolution"), ("127.0.0.1:x", "unsupported")]
)
async def test_a_server_that_cannot_be_looked_up_is_a_typed_failure(server: str, failure: str) -> None:
    assert (await measure(server)).failure == failure


@needs_iperf3
async def test_the_budget_cuts_a_test(unused_tcp_port: int) -> None:
    """A download has its figure all the same; of an upload only the far end could tell it."""
    budget = 200_000_000
    context = Context()
    with iperf3_server(unused_tcp_port) as server:
        found = await measure(server, context=context, max_bytes=budget, download_s=30.0, upload_s=30.0)
    assert (found.failure, found.limited_by) == ("budget", "budget")
    assert found.upload_goodput_bps is None
    assert found.download_ended_by == "budget"


@needs_iperf3
async def test_what_a_test_cost_is_booked_though_it_failed(unused_tcp_port: int) -> None:
    context = Context()
    with iperf3_server(unused_tcp_port) as server:
        reached = asyncio.Event()
        context = Context(on_progress=lambda progress: reached.set() if progress.elapsed_s > 1 else None)
        test = asyncio.create_task(measure(server, context=context, download_s=30.0))
        await reached.wait()
    found = await test
    assert found.failure is not None
    assert context.test_traffic.totals("lo")[0] > 1_000_000


@needs_iperf3
@pytest.mark.parametrize("phase", ["download", "upload"])
async def test_cancelling_ends_the_program_and_leaves_no_zombie(unused_tcp_port: int, phase: str) -> None:
    reached = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.phase == phase:
            reached.set()

    with iperf3_server(unused_tcp_port) as server:
        test = asyncio.create_task(measure(server, context=Context(on_progress=watch), upload_s=30.0))
        await reached.wait()
        test.cancel()
        with pytest.raises(asyncio.CancelledError):
            await test
        assert not programs()


def fake_program(folder: Path, says: str) -> Path:
    """Return a program that only says its version."""
    program = folder / "iperf3"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("iperf 3.1 (cJSON)", "iperf3 3.1 is too old, 3.7 or later is needed: apt install iperf3"),
        ("iperf version 2", "does not say its version"),
        ("iperf 3.7", None),
    ],
)
def test_an_old_version_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, reason: str | None
) -> None:
    program = fake_program(tmp_path, says)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    found = engine.Iperf3Engine().unavailable()
    assert (found is None) if reason is None else (reason in (found or ""))


async def test_without_the_program_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = await measure("127.0.0.1")
    assert found.failure == "unsupported"
    assert "iperf3 is not installed: apt install iperf3" in (found.failure_detail or "")


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        ("the server is busy running a test. try again later", "busy"),
        ("unable to receive control message: Connection reset by peer", "busy"),
        ("unable to connect to server: Connection refused", "refused"),
        ("unable to connect to server: No route to host", "unreachable"),
        ("unable to connect to server: Connection timed out", "unreachable"),
        ("unable to connect to server - server may have stopped running: Connection refused", "refused"),
        ("test authorization failed", "refused"),
        ("control socket has closed unexpectedly", "protocol"),
    ],
)
def test_the_programs_messages_are_told_apart(message: str, failure: str) -> None:
    error = failure_of(message)
    assert error.failure == failure
    assert isinstance(error, BusyError) == (failure == "busy")


def interval(seconds: float, count: int, *, omitted: bool = False) -> dict[str, Any]:
    bps = count * 8 / seconds
    return {"sum": {"seconds": seconds, "bytes": count, "bits_per_second": bps, "omitted": omitted}}


def printed(*intervals: dict[str, Any], received: dict[str, Any]) -> bytes:
    return json.dumps({"intervals": list(intervals), "end": {"sum_received": received}}).encode()


def test_the_receivers_count_is_the_goodput() -> None:
    octets = printed(
        interval(1.0, 999, omitted=True), interval(1.0, 400), received={"bytes": 350, "seconds": 1.02}
    )
    report = parse(octets, b"", 1)
    assert report.received is not None
    assert (report.received.payload_bytes, report.received.duration_s) == (350, 1.02)
    assert (report.ramp_up_bytes, report.moved_bytes) == (999, 1399)


@pytest.mark.parametrize(
    "octets",
    [
        printed(interval(1.0, 999, omitted=True), received={"bytes": 999, "seconds": 1.0}),
        printed(interval(1.0, 999), received={"bytes": 0, "seconds": 0}),
        printed(received={}),
    ],
    ids=["in the ramp-up", "nothing known", "nothing at all"],
)
def test_a_run_that_ended_too_early_has_no_goodput(octets: bytes) -> None:
    assert parse(octets, b"", 1).received is None


@pytest.mark.parametrize(
    "octets",
    [b"", b"[]", b"{}", b'{"intervals": [1], "end": {}}', b'{"intervals": [], "end": 1}', b"iperf3:"],
)
def test_what_is_no_report_is_a_typed_failure(octets: bytes) -> None:
    with pytest.raises(ProbeError) as caught:
        parse(octets, b"", 1)
    assert caught.value.failure == "protocol"
