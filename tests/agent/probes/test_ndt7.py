"""The engine `ndt7` against an independent server, and against servers that break the protocol."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.ndt7 import Behaviour, HostileServer, Ndt7Server

from pantau_agent.probes import tcp_info
from pantau_agent.probes.base import Context, Progress
from pantau_agent.probes.speed import SpeedTarget, speed
from pantau_agent.probes.speed.ndt7 import sent

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_wire.fields import Speed

RATE_BPS = 20e6
SHORT = {
    "download_s": 0.8,
    "upload_s": 0.8,
    "download_discard_s": 0.2,
    "upload_discard_s": 0.2,
    "idle_pings": 3,
    "ping_interval_s": 0.05,
    "sample_s": 0.1,
}


async def measure(url: str, context: Context | None = None, **settings: Any) -> Speed:
    target = SpeedTarget(**{"engine": "ndt7", "url": url, **SHORT, **settings})
    return await speed(target, context or Context())


def assert_counted(found: Speed, server: Ndt7Server) -> None:
    """Check that an upload is what came, less what frames it, and what a busy machine was late with."""
    assert found.upload_bytes is not None
    assert 0.9 * server.seen.received_octets < found.upload_bytes <= server.seen.received_octets


async def test_both_ways_are_measured_on_one_connection() -> None:
    with Ndt7Server() as server:
        found = await measure(server.url)
        await asyncio.to_thread(server.wait_until_idle)
        assert server.seen.targets == ["/ndt/v7/download", "/ndt/v7/upload"]
        assert found.failure is None, found.failure_detail
        assert_counted(found, server)
        assert server.seen.pong_count, "pings are answered"
    assert found.engine == "ndt7"
    assert found.download_streams_count == found.upload_streams_count == 1
    for delay in (found.idle_rtd_p50_ms, found.loaded_rtd_down_p50_ms, found.loaded_rtd_up_p50_ms):
        assert delay is not None
        assert 0 < delay < 1000


async def test_goodput_is_the_rate_that_the_server_gives() -> None:
    settings = {"download_s": 2.4, "download_discard_s": 0.6}
    with Ndt7Server(Behaviour(rate_bps=RATE_BPS)) as server:
        found = await measure(server.url, **settings)
    assert found.download_goodput_bps == pytest.approx(RATE_BPS, rel=0.05)


@pytest.mark.parametrize("pieces", [1, 4])
async def test_messages_may_come_in_pieces(pieces: int) -> None:
    with Ndt7Server(Behaviour(fragments=pieces)) as server:
        found = await measure(server.url)
    assert found.failure is None, found.failure_detail
    assert found.download_goodput_bps


async def test_the_query_is_kept_and_a_whole_url_is_taken_as_well() -> None:
    with Ndt7Server() as server:
        found = await measure(f"{server.url}/ndt/v7/download?access_token=abc&key=1")
        assert server.seen.targets == [
            "/ndt/v7/download?access_token=abc&key=1",
            "/ndt/v7/upload?access_token=abc&key=1",
        ]
    assert found.server is not None
    assert "abc" not in found.server


async def test_a_server_that_ends_the_test_early_ends_it_without_failure() -> None:
    with Ndt7Server(Behaviour(test_s=1.0)) as server:
        found = await measure(server.url, download_s=8.0, upload_s=8.0)
    assert found.failure is None, found.failure_detail
    assert found.download_duration_s is not None
    assert found.upload_duration_s is not None
    assert found.download_duration_s < 4
    assert found.upload_duration_s < 4


async def test_progress_and_bytes_are_told() -> None:
    told: list[Progress] = []
    context = Context(on_progress=told.append)
    with Ndt7Server() as server:
        found = await measure(server.url, context)
    phases = [phase for phase, _ in itertools.groupby(told, key=lambda progress: progress.phase)]
    assert phases == ["idle", "download", "upload"]
    assert found.download_bytes is not None
    assert found.upload_bytes is not None
    payload = found.download_bytes + found.upload_bytes
    assert context.test_traffic.totals("lo")[0] == pytest.approx(payload, rel=0.1)


async def test_the_budget_is_kept_both_ways() -> None:
    budget = 40_000_000
    with Ndt7Server(Behaviour(rate_bps=200e6)) as server:
        found = await measure(server.url, max_bytes=budget, download_s=6.0, upload_s=6.0)
        await asyncio.to_thread(server.wait_until_idle)
        assert server.seen.received_octets <= budget // 2 * 1.01
    assert found.limited_by == "budget"
    assert found.download_bytes == pytest.approx(budget // 2, abs=14), "all but a frame's head"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is missing: apt-get install openssl")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, *names]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_tls_is_measured_and_an_upload_never_counts_more_than_arrived(
    certificate: tuple[str, str],
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with Ndt7Server(Behaviour(tls=tls)) as server:
        found = await measure(server.url, ca_file=certificate[0])
        await asyncio.to_thread(server.wait_until_idle)
        assert found.failure is None, found.failure_detail
        assert_counted(found, server)
    assert found.download_goodput_bps


@pytest.mark.parametrize("says", ["AppInfo", "TCPInfo"])
async def test_without_the_kernels_count_the_servers_messages_count(
    monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr(tcp_info, "unacknowledged_bytes", lambda sock: None)
    with Ndt7Server(Behaviour(says=says)) as server:
        found = await measure(server.url, upload_s=2.0)
        await asyncio.to_thread(server.wait_until_idle)
        assert found.failure is None, found.failure_detail
        assert found.upload_bytes is not None
        assert server.seen.received_octets / 2 < found.upload_bytes <= server.seen.received_octets


async def test_a_server_that_says_nothing_cannot_be_counted_without_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp_info, "unacknowledged_bytes", lambda sock: None)
    with Ndt7Server(Behaviour(says=None)) as server:
        found = await measure(server.url)
    assert found.failure == "timeout"
    assert found.upload_goodput_bps is None


FRAME = b"\x82\x7e\x20\x00" + bytes(8192)
HOSTILE = {
    "masked": (HostileServer(b"\x82\x85abcdhello"), "the server masks"),
    "reserved bits": (HostileServer(b"\xc2\x01x"), "reserved bits"),
    "unknown opcode": (HostileServer(b"\x83\x01x"), "unknown kind"),
    "unknown control": (HostileServer(b"\x8b\x00"), "unknown kind"),
    "control in pieces": (HostileServer(b"\x09\x00"), "in pieces or too long"),
    "control too long": (HostileServer(b"\x89\x7e\x00\x80"), "in pieces or too long"),
    "continuation of nothing": (HostileServer(b"\x80\x01x"), "do not fit together"),
    "message inside a message": (HostileServer(b"\x02\x01x\x82\x01x"), "do not fit together"),
    "message too long": (HostileServer(b"\x82\x7f" + b"\xff" * 8), "more than 16777216 bytes"),
    "pieces too long": (HostileServer(b"\x02\x01x\x00\x7f" + (1 << 24).to_bytes(8, "big")), "more than 1677"),
    "text too long": (HostileServer(b"\x81\x7f" + (1 << 20).to_bytes(8, "big")), "more than 65536 bytes"),
    "pings without end": (HostileServer(b"\x89\x00" * 1000, times=50), "frames without payload"),
    "no upgrade": (HostileServer(head=b"HTTP/1.1 200 OK\r\n\r\n"), "no WebSocket there"),
    "no HTTP": (HostileServer(head=b"220 mail.example ESMTP\r\n"), "no HTTP response"),
    "endless head": (HostileServer(head=b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * 9000), "no HTTP response"),
    "another key": (
        HostileServer(head=b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"),
        "does not belong to our key",
    ),
    "another protocol": (HostileServer(head=b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n"), "another protocol"),
}


@pytest.mark.parametrize(("server", "detail"), HOSTILE.values(), ids=HOSTILE)
async def test_a_server_that_breaks_the_protocol_is_a_typed_failure(
    server: HostileServer, detail: str
) -> None:
    with server:
        found = await measure(server.url)
    assert found.failure == "protocol", found.failure_detail
    assert (found.failure_detail or "").startswith("download: ")
    assert detail in (found.failure_detail or "")


@pytest.mark.parametrize(
    ("behaviour", "failure", "detail"),
    [
        (Behaviour(status=401), "refused", "download: HTTP 401 for /ndt/v7/download"),
        (Behaviour(subprotocol=False), "protocol", "does not choose the subprotocol"),
    ],
    ids=["no token", "no subprotocol"],
)
async def test_a_server_that_does_not_want_us_is_a_typed_failure(
    behaviour: Behaviour, failure: str, detail: str
) -> None:
    with Ndt7Server(behaviour) as server:
        found = await measure(f"{server.url}?access_token=secret")
    assert found.failure == failure
    assert detail in (found.failure_detail or "")
    assert "secret" not in (found.failure_detail or "")


async def test_a_server_that_is_busy_is_waited_for_and_then_given_up() -> None:
    with Ndt7Server(Behaviour(status=503)) as server:
        found = await measure(server.url, busy_tries=0)
    assert (found.failure, found.limited_by) == ("busy", "server")


async def test_a_closed_port_is_refused(unused_tcp_port: int) -> None:
    found = await measure(f"ws://127.0.0.1:{unused_tcp_port}")
    assert found.failure == "refused"
    assert found.server == f"127.0.0.1:{unused_tcp_port}"


async def test_a_url_that_is_not_ascii_is_refused() -> None:
    found = await measure("ws://127.0.0.1/?kunci=é")
    assert found.failure == "unsupported"


@pytest.mark.parametrize("phase", ["download", "upload"])
async def test_cancelling_ends_the_connection(phase: str) -> None:
    reached = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.phase == phase:
            reached.set()

    with Ndt7Server() as server:
        test = asyncio.create_task(measure(server.url, Context(on_progress=watch)))
        await reached.wait()
        test.cancel()
        with pytest.raises(asyncio.CancelledError):
            await test
        await asyncio.to_thread(server.wait_until_idle)


def test_payload_is_found_among_frames() -> None:
    frames = sent.SentFrames()
    frames.add(6, 0)
    frames.add(8, 100)
    frames.add(8, 200)
    positions = {0: 0, 6: 0, 14: 0, 15: 1, 114: 100, 120: 100, 122: 100, 123: 101, 322: 300}
    assert {at: frames.payload_before(at) for at in positions} == positions
