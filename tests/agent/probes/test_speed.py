"""The speed engine against a real server of known rate, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.librespeed import MIB, Behaviour, LibreSpeed

from pantau_agent.probes.base import Context, Progress
from pantau_agent.probes.speed import SpeedTarget, speed
from pantau_agent.probes.speed.http import directions
from pantau_agent.probes.speed.http.upload import UploadStream

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_wire.fields import Speed

RATE_BPS = 20e6
SHORT = {
    "download_s": 0.8,
    "upload_s": 0.8,
    "download_discard_s": 0.2,
    "upload_discard_s": 0.2,
    "idle_pings": 5,
    "ping_interval_s": 0.05,
    "sample_s": 0.1,
}
SHAPED = {**SHORT, "download_s": 2.4, "upload_s": 2.4, "download_discard_s": 0.6, "upload_discard_s": 0.6}


async def measure(server: LibreSpeed, context: Context | None = None, **settings: Any) -> Speed:
    return await speed(SpeedTarget(**{"url": server.url, **SHORT, **settings}), context or Context())


async def test_goodput_is_the_rate_that_the_server_gives() -> None:
    with LibreSpeed(Behaviour(rate_bps=RATE_BPS)) as server:
        found = await measure(server, **SHAPED)
    assert found.failure is None, found.failure_detail
    assert found.download_goodput_bps == pytest.approx(RATE_BPS, rel=0.05)
    assert found.upload_goodput_bps == pytest.approx(RATE_BPS, rel=0.05)
    assert found.download_streams_count == found.upload_streams_count == 4
    assert found.download_duration_s == pytest.approx(1.8, abs=0.3)


async def test_the_first_burst_does_not_count() -> None:
    """A server that bursts at ten times its rate for half a second looks no faster after the ramp-up."""
    settings = {**SHAPED, "upload_s": 0.5, "upload_discard_s": 0, "download_discard_s": 0.8}
    with LibreSpeed(Behaviour(rate_bps=RATE_BPS, burst_s=0.5)) as server:
        found = await measure(server, **settings)
    assert found.download_goodput_bps == pytest.approx(RATE_BPS, rel=0.05)
    assert found.download_bytes is not None
    assert found.download_bytes * 8 > 1.5 * RATE_BPS * SHAPED["download_s"]
    assert found.download_discard_s == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("streams", [1, 4])
async def test_upload_bytes_are_what_the_server_counted(streams: int) -> None:
    with LibreSpeed() as server:
        found = await measure(server, streams=streams)
        await asyncio.to_thread(server.wait_until_idle)
        assert found.upload_bytes == server.seen.uploaded_bytes
    assert found.failure is None, found.failure_detail


async def test_every_stream_names_the_same_test() -> None:
    with LibreSpeed() as server:
        await measure(server)
        await measure(server)
        assert len(server.seen.test_ids) == 2


async def test_delays_are_measured_idle_and_under_load() -> None:
    with LibreSpeed() as server:
        found = await measure(server)
    for delay in (
        found.idle_rtd_p50_ms,
        found.idle_rtd_p95_ms,
        found.loaded_rtd_down_p50_ms,
        found.loaded_rtd_up_p95_ms,
    ):
        assert delay is not None
        assert 0 < delay < 1000


@pytest.mark.alone
async def test_own_bytes_are_booked_as_the_interface_sees_them() -> None:
    """On the loopback every byte is received and sent, so the books hold both directions in both columns."""
    context = Context()
    with LibreSpeed() as server:
        found = await measure(server, context)
    assert found.download_bytes is not None
    assert found.upload_bytes is not None
    payload = found.download_bytes + found.upload_bytes
    assert context.test_traffic.totals("lo")[0] == pytest.approx(payload, rel=0.02)
    assert found.download_interface_ratio == pytest.approx(1, abs=0.2)
    assert found.upload_interface_ratio == pytest.approx(1, abs=0.2)


async def test_progress_is_told_in_the_order_of_the_phases() -> None:
    told: list[Progress] = []
    with LibreSpeed() as server:
        await measure(server, Context(on_progress=told.append))
    assert [phase for phase, _ in itertools.groupby(told, key=lambda progress: progress.phase)] == [
        "idle",
        "download",
        "upload",
    ]
    assert any(progress.rate_bps for progress in told if progress.phase == "upload")
    assert any(progress.rtd_ms for progress in told if progress.phase == "idle")


async def test_the_budget_ends_a_test_and_is_kept() -> None:
    budget = 6 * MIB
    with LibreSpeed(Behaviour(rate_bps=RATE_BPS)) as server:
        found = await measure(server, max_bytes=budget, download_s=5.0, upload_s=5.0)
    assert found.limited_by == "budget"
    assert found.failure is None
    assert found.download_bytes == budget // 2
    assert found.upload_bytes is not None
    assert found.upload_bytes <= budget // 2
    assert found.download_goodput_bps == pytest.approx(RATE_BPS, rel=0.1)


async def test_a_budget_used_up_in_the_ramp_up_is_a_failure_and_no_goodput() -> None:
    with LibreSpeed() as server:
        found = await measure(server, max_bytes=4 * MIB)
    assert (found.failure, found.limited_by) == ("budget", "budget")
    assert found.download_goodput_bps is None
    assert found.download_bytes == 2 * MIB


async def test_a_stable_rate_ends_a_direction_early_and_changes_no_figure() -> None:
    settings = {"download_s": 9.0, "upload_s": 9.0, "download_discard_s": 0.6, "upload_discard_s": 0.6}
    with LibreSpeed(Behaviour(rate_bps=RATE_BPS)) as server:
        found = await measure(server, **settings)
        assert found.failure is None, found.failure_detail
        for way in ("download", "upload"):
            assert getattr(found, f"{way}_ended_by") == "stable"
            assert 3.99 <= getattr(found, f"{way}_duration_s") < 8.0
            assert getattr(found, f"{way}_goodput_bps") == pytest.approx(RATE_BPS, rel=0.05)
            assert getattr(found, f"{way}_series_bps")[1:] == pytest.approx([RATE_BPS] * 4, rel=0.1)


async def test_without_stable_stop_the_time_is_used_up() -> None:
    with LibreSpeed(Behaviour(rate_bps=RATE_BPS)) as server:
        found = await measure(server, stable_stop=False, download_s=5.5)
    assert found.download_ended_by == "time"
    assert found.download_duration_s == pytest.approx(5.3, abs=0.3)
    assert len(found.download_series_bps or ()) in {5, 6}


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_test_that_fails_in_the_middle_books_what_it_moved(chunked: bool) -> None:
    """The server breaks each of four connections off after 3 MiB; the first break ends the test."""
    context = Context()
    with LibreSpeed(Behaviour(cut_download_at=3 * MIB, chunked=chunked)) as server:
        found = await measure(server, context)
    assert found.failure == "protocol"
    assert found.download_bytes is None
    assert context.test_traffic.totals("lo")[0] >= 3 * MIB


async def test_a_busy_server_is_waited_for_as_it_asks() -> None:
    told: list[Progress] = []
    with LibreSpeed(Behaviour(busy_times=1, retry_after_s=1)) as server:
        found = await measure(server, Context(on_progress=told.append))
        assert server.seen.refused_count == 1
    assert found.failure is None, found.failure_detail
    assert max(progress.elapsed_s for progress in told if progress.phase == "waiting") > 0.5


async def test_a_server_that_stays_busy_is_given_up() -> None:
    with LibreSpeed(Behaviour(busy_times=1000, retry_after_s=0)) as server:
        found = await measure(server)
    assert (found.failure, found.limited_by) == ("busy", "server")
    assert "after 3 waits" in (found.failure_detail or "")
    assert found.download_goodput_bps is None
    assert found.idle_rtd_p50_ms is not None


async def test_a_server_that_asks_for_too_long_a_wait_is_given_up_at_once() -> None:
    with LibreSpeed(Behaviour(busy_times=1000, retry_after_s=3600)) as server:
        found = await measure(server)
    assert found.failure == "busy"
    assert "Retry-After 3600 s" in (found.failure_detail or "")


@pytest.mark.parametrize(
    ("behaviour", "failure", "detail"),
    [
        (Behaviour(speaks_http=False), "protocol", "server: no HTTP response: b'220 mail.example"),
        (Behaviour(cut_download_at=3 * MIB), "protocol", "download: the connection closed after 31"),
        (Behaviour(chunked=True, cut_download_at=3 * MIB), "protocol", "closed inside a chunked body"),
        (Behaviour(empty_path="/else"), "refused", "server: no speed test answers there: HTTP 404"),
    ],
)
async def test_misbehaviour_is_a_typed_failure(behaviour: Behaviour, failure: str, detail: str) -> None:
    with LibreSpeed(behaviour) as server:
        found = await measure(server)
    assert found.failure == failure
    assert detail in (found.failure_detail or "")
    assert found.download_goodput_bps is None
    assert found.download_bytes is None


async def test_a_server_that_never_answers_is_a_timeout() -> None:
    with LibreSpeed(Behaviour(answers=False)) as server:
        found = await measure(server, timeout_s=0.5)
    assert found.failure == "timeout"


async def test_a_failed_upload_keeps_the_download() -> None:
    with LibreSpeed(Behaviour(post_status=500)) as server:
        found = await measure(server)
    assert found.failure == "refused"
    assert found.failure_detail == "upload: HTTP 500 for /empty"
    assert found.download_goodput_bps is not None
    assert found.upload_goodput_bps is None
    assert found.upload_bytes is None


async def test_a_closed_port_is_refused(unused_tcp_port: int) -> None:
    found = await speed(SpeedTarget(url=f"http://127.0.0.1:{unused_tcp_port}", **SHORT), Context())
    assert found.failure == "refused"
    assert found.server == f"127.0.0.1:{unused_tcp_port}"
    assert found.limited_by is None


async def test_a_name_that_does_not_resolve_is_a_typed_failure() -> None:
    found = await speed(SpeedTarget(url="http://no-such-host.invalid", **SHORT), Context())
    assert found.failure == "name_resolution"


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://127.0.0.1:99999"])
async def test_a_url_that_names_no_server_is_a_typed_failure(url: str) -> None:
    found = await speed(SpeedTarget(url=url, **SHORT), Context())
    assert found.failure == "unsupported"


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(chunked=True),
        Behaviour(says_length=False),
        Behaviour(keep_alive=False),
        Behaviour(garbage_path="/backend/garbage.php", empty_path="/backend/empty.php", says_count=False),
        Behaviour(garbage_path="/garbage.php", empty_path="/empty.php", says_count=False),
        Behaviour(max_post_bytes=20 * MIB),
        Behaviour(max_post_bytes=1 * MIB),
    ],
    ids=["chunked", "until-close", "no-keep-alive", "backend-php", "php", "20-MiB-posts", "1-MiB-posts"],
)
async def test_servers_of_other_make_are_measured_too(behaviour: Behaviour) -> None:
    with LibreSpeed(behaviour) as server:
        found = await measure(server)
        await asyncio.to_thread(server.wait_until_idle)
        assert found.failure is None, found.failure_detail
        assert found.upload_bytes == server.seen.uploaded_bytes
    assert found.download_goodput_bps


@pytest.fixture
def count_by_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count uploads as a system without TCP_INFO has to."""

    def stream(*args: Any, **settings: Any) -> UploadStream:
        return UploadStream(*args, **settings, by_acks=False)

    monkeypatch.setattr(directions, "UploadStream", stream)


async def test_uploads_counted_by_answers_agree_with_the_rate(count_by_answers: None) -> None:
    with LibreSpeed(Behaviour(rate_bps=RATE_BPS)) as server:
        found = await measure(server, **{**SHAPED, "download_s": 0.5, "download_discard_s": 0, "upload_s": 4})
    assert found.upload_goodput_bps == pytest.approx(RATE_BPS, rel=0.1)
    assert found.upload_bytes is not None
    assert found.upload_bytes <= server.seen.uploaded_bytes


async def test_a_server_that_miscounts_is_a_typed_failure(count_by_answers: None) -> None:
    with LibreSpeed(Behaviour(miscounts=True)) as server:
        found = await measure(server)
    assert found.failure == "protocol"
    assert "upload: the server counted" in (found.failure_detail or "")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, *names],
        check=True,
        capture_output=True,
    )
    return cert, key


async def test_https_is_measured_and_counted_by_the_server(certificate: tuple[str, str]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with LibreSpeed(Behaviour(tls=tls, rate_bps=RATE_BPS)) as server:
        found = await measure(server, **SHAPED, ca_file=certificate[0])
        assert found.failure is None, found.failure_detail
        assert found.upload_bytes is not None
        assert found.upload_bytes <= server.seen.uploaded_bytes
    assert found.download_goodput_bps == pytest.approx(RATE_BPS, rel=0.05)


async def test_a_certificate_that_nobody_trusts_is_a_typed_failure(certificate: tuple[str, str]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with LibreSpeed(Behaviour(tls=tls)) as server:
        found = await measure(server)
    assert found.failure == "protocol"
    assert "TLS with 127.0.0.1" in (found.failure_detail or "")


@pytest.mark.parametrize("phase", ["idle", "download", "upload"])
async def test_cancelling_ends_threads_and_connections(phase: str) -> None:
    reached = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.phase == phase:
            reached.set()

    with LibreSpeed() as server:
        test = asyncio.create_task(measure(server, Context(on_progress=watch)))
        await reached.wait()
        test.cancel()
        with pytest.raises(asyncio.CancelledError):
            await test
        await asyncio.to_thread(server.wait_until_idle)
    assert not [thread for thread in threading.enumerate() if thread.name == "pantau-loaded-pinger"]


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://x"},
        {"download_s": 1.0, "download_discard_s": 1.0},
        {"upload_discard_s": -1.0},
        {"streams": 0},
        {"max_bytes": 0},
        {"idle_pings": 0},
    ],
)
def test_a_target_that_could_not_measure_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        SpeedTarget(**{"url": "http://127.0.0.1", **settings})
