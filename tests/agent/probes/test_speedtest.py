"""The engines `speedtest` and `speedtest-compat`: the real speedtest-cli, an emulated speedtest.net."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.fakes.legacy_speedtest import Behaviour, LegacyServer

from pantau_agent.probes.base import Context, Progress
from pantau_agent.probes.speed import SpeedTarget, speed
from pantau_agent.probes.speed.speedtest import library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_wire.fields import Speed

SHORT = {
    "download_s": 0.8,
    "upload_s": 0.8,
    "download_discard_s": 0.2,
    "upload_discard_s": 0.2,
    "idle_pings": 3,
    "ping_interval_s": 0.05,
    "sample_s": 0.1,
}
ENGINES = ("speedtest", "speedtest-compat")
HOST = "www.speedtest.net"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for www.speedtest.net and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is missing: apt-get install openssl")
    folder = tmp_path_factory.mktemp("speedtest")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, *names]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@pytest.fixture
def internet(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what serves speedtest.net through a proxy, as the library's environment allows it."""
    if library.unavailable() is not None:
        pytest.skip(str(library.unavailable()))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)

    @contextmanager
    def serving(**behaviour: Any) -> Iterator[LegacyServer]:
        with LegacyServer("127.0.0.1", 0, Behaviour(tls=tls, **behaviour)) as server:
            for name in ("http_proxy", "https_proxy"):
                monkeypatch.setenv(name, f"http://{server.host}")
            yield server

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    return serving


async def measure(engine: str, context: Context | None = None, **settings: Any) -> Speed:
    target = SpeedTarget(engine=engine, **{**SHORT, **settings})  # type: ignore[arg-type]
    return await speed(target, context or Context())


def helpers() -> list[psutil.Process]:
    """Return the child processes of this test that run the helper, zombies too."""
    return [child for child in psutil.Process().children() if "python" in child.name()]


async def test_the_server_is_found_and_our_own_streams_measure_it(internet: Any) -> None:
    context = Context()
    with internet() as server:
        found = await measure("speedtest", context)
        await asyncio.to_thread(server.wait_until_idle)
        assert found.upload_bytes == server.seen.uploaded_bytes
    assert (found.failure, found.engine, found.server) == (None, "speedtest", server.host)
    assert found.download_goodput_bps
    assert found.upload_goodput_bps
    assert found.idle_rtd_p50_ms
    assert found.loaded_rtd_down_p50_ms
    assert f"{HOST}:443" in server.seen.paths, "the list is asked for over TLS"
    assert found.download_bytes is not None
    assert found.upload_bytes is not None
    assert context.test_traffic.totals("lo")[0] > found.download_bytes + found.upload_bytes


async def test_servers_that_answer_every_upload_alike_are_measured_too(internet: Any) -> None:
    with internet(says_size=False):
        found = await measure("speedtest")
    assert found.failure is None, found.failure_detail


async def test_the_configured_server_is_taken(internet: Any) -> None:
    with internet(server_id=4711) as server:
        found = await measure("speedtest", server_id=4711)
    assert (found.failure, found.server) == (None, server.host)


async def test_the_librarys_own_figures_are_reported_as_they_are(internet: Any) -> None:
    told: list[Progress] = []
    context = Context(on_progress=told.append)
    with internet(test_s=1) as server:
        found = await measure("speedtest-compat", context)
        await asyncio.to_thread(server.wait_until_idle)
    assert (found.failure, found.engine, found.server) == (None, "speedtest-compat", server.host)
    assert found.download_goodput_bps is not None
    assert found.download_bytes is not None
    assert found.download_duration_s is not None
    rate_bps = found.download_bytes * 8 / found.download_duration_s
    assert found.download_goodput_bps == pytest.approx(rate_bps, rel=1e-3)
    assert found.upload_bytes is not None
    assert found.upload_bytes >= server.seen.uploaded_bytes, "it counts what its sockets took"
    assert found.download_streams_count == 8
    assert (found.download_discard_s, found.loaded_rtd_down_p50_ms) == (0.0, None)
    assert found.idle_rtd_p50_ms
    phases = [phase for phase, _ in itertools.groupby(told, key=lambda progress: progress.phase)]
    assert phases == ["idle", "download", "upload"]
    assert context.test_traffic.totals("lo")[0] > found.download_bytes + found.upload_bytes


async def test_what_may_take_more_than_is_allowed_is_refused_before_it_begins(internet: Any) -> None:
    with internet(test_s=1) as server:
        found = await measure("speedtest-compat", max_bytes=100_000_000)
        assert not [path for path in server.seen.paths if ".jpg" in path]
    assert found.failure == "budget"
    assert "cannot be cut, 100000000 are allowed" in (found.failure_detail or "")


async def test_our_own_streams_keep_the_budget(internet: Any) -> None:
    with internet() as server:
        found = await measure("speedtest", max_bytes=100_000_000)
        await asyncio.to_thread(server.wait_until_idle)
        assert server.seen.uploaded_bytes <= 50_000_000
    assert found.limited_by == "budget"
    assert found.download_bytes is not None
    assert found.download_bytes == pytest.approx(50_000_000, rel=0.02)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("behaviour", "settings", "failure"),
    [
        (
            {"configuration_status": 403},
            {},
            ("refused", "server: speedtest.net refuses to name servers: HTTP 403"),
        ),
        ({"configuration": "<settings/>"}, {}, ("protocol", "server: speedtest-cli fails: ")),
        ({"pings": False}, {}, ("unreachable", "none of the servers that speedtest.net names answers")),
        ({}, {"server_id": 99}, ("refused", "speedtest.net lists no server with this id")),
    ],
    ids=["forbidden", "no-configuration", "no-ping", "no-such-server"],
)
async def test_what_goes_wrong_is_a_typed_failure(
    internet: Any, engine: str, behaviour: Any, settings: Any, failure: tuple[str, str]
) -> None:
    with internet(**behaviour):
        found = await measure(engine, **settings)
    assert found.failure == failure[0], found.failure_detail
    assert failure[1] in (found.failure_detail or "")
    assert found.download_goodput_bps is None


async def test_a_machine_without_internet_is_a_typed_failure(
    internet: Any, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{unused_tcp_port}")
    found = await measure("speedtest")
    assert (found.failure, found.failure_detail) == (
        "refused",
        "server: ask speedtest.net: Connection refused",
    )


async def test_a_proxy_whose_name_does_not_resolve_is_a_typed_failure(
    internet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://no-such-proxy.invalid:8080")
    found = await measure("speedtest")
    assert found.failure == "name_resolution", found.failure_detail


async def test_a_certificate_that_nobody_trusts_is_a_typed_failure(
    internet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with internet():
        found = await measure("speedtest")
    assert found.failure == "protocol"
    assert "CERTIFICATE_VERIFY_FAILED" in (found.failure_detail or "")


@pytest.mark.parametrize("engine", ENGINES)
async def test_without_the_library_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    found = await measure(engine)
    assert found.failure == "unsupported"
    assert "pip install 'pantau[speedtest]'" in (found.failure_detail or "")


@pytest.mark.parametrize(
    ("engine", "phase"),
    [("speedtest", "upload"), ("speedtest-compat", "download"), ("speedtest-compat", "upload")],
)
async def test_cancelling_ends_the_helper_and_leaves_no_zombie(
    internet: Any, engine: str, phase: str
) -> None:
    reached = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.phase == phase:
            reached.set()

    with internet() as server:
        test = asyncio.create_task(measure(engine, Context(on_progress=watch)))
        await reached.wait()
        test.cancel()
        with pytest.raises(asyncio.CancelledError):
            await test
        assert not helpers()
        await asyncio.to_thread(server.wait_until_idle)


async def test_cancelling_while_the_list_does_not_come_ends_the_helper(internet: Any) -> None:
    with internet(answers=False) as server:
        test = asyncio.create_task(measure("speedtest"))
        await asyncio.to_thread(server.seen.asked_for_list.wait)
        test.cancel()
        with pytest.raises(asyncio.CancelledError):
            await test
        assert not helpers()


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ({"error": "ConfigRetrievalError", "text": "", "cause": {"errno": 101}}, "unreachable"),
        ({"error": "ConfigRetrievalError", "text": "", "cause": {"http_status": 503}}, "refused"),
        ({"error": "SpeedtestBestServerFailure", "text": "", "cause": {}}, "unreachable"),
        ({"error": "SpeedtestConfigError", "text": "Malformed", "cause": {}}, "protocol"),
    ],
)
def test_the_librarys_errors_are_told_apart(line: Any, failure: str) -> None:
    assert library.failure_of(line).failure == failure


def test_a_ping_that_failed_is_no_delay_of_an_hour() -> None:
    assert library.ping_ms({"ping_ms": 12.5}) == 12.5
    assert library.ping_ms({"ping_ms": 600_008.0}) is None
