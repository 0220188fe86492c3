"""The portal of a collector that others can reach, as a process: TLS, or no start at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.collector.ingest import processes
from tests.collector.ingest.waiting import until
from tests.collector.test_run import refused
from tests.collector.web.served import browser
from tests.fakes.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def address_of(process: object, log: Path) -> str:
    await until(lambda: "portal.listening" in log.read_text() or process.poll() is not None)
    return announced(log)


def announced(log: Path) -> str:
    line = next(line for line in log.read_text().splitlines() if "portal.listening" in line)
    return str(json.loads(line)["url"])


async def test_with_a_certificate_the_portal_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The certificate of the configuration is what browsers see, and HSTS is announced."""
    authority = Authority(tmp_path)
    files = authority.issue("portal", host="127.0.0.1")
    settings, log = processes.settings(tmp_path / "c", web=True), tmp_path / "collector.log"
    monkeypatch.setenv("PANTAU_COLLECTOR_WEB__CERT_FILE", str(files.cert))
    monkeypatch.setenv("PANTAU_COLLECTOR_WEB__KEY_FILE", str(files.key))
    with processes.running(settings.file, log) as process:
        url = await address_of(process, log)
        assert url.startswith("https://127.0.0.1:")
        async with browser(url, authority.file) as client:
            assert (await client.get("/")).status_code == 200  # on loopback, nobody has an account yet
            assert "strict-transport-security" in (await client.get("/metrics")).headers
        process.terminate()
        await until(lambda: process.poll() is not None)
    assert (process.returncode, "Traceback" in log.read_text()) == (0, False)


async def test_loopback_may_be_ipv6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`::1` is served and announced as an address that a browser takes."""
    settings, log = processes.settings(tmp_path / "c", web=True), tmp_path / "collector.log"
    monkeypatch.setenv("PANTAU_COLLECTOR_WEB__HOST", "::1")
    with processes.running(settings.file, log) as process:
        url = await address_of(process, log)
        assert url.startswith("http://[::1]:")
        async with browser(url) as client:
            assert (await client.get("/api/v1/devices")).status_code == 200


def test_an_open_portal_is_refused(tmp_path: Path):
    """A portal that everybody could read does not start, and the message says what to do instead."""
    text = refused(processes.settings(tmp_path, web=True), PANTAU_COLLECTOR_WEB__HOST="0.0.0.0")
    assert "host '0.0.0.0' can be reached from elsewhere: give cert_file and key_file for TLS" in text


def test_a_missing_certificate_is_refused(tmp_path: Path):
    """A certificate that is not there ends the start; nothing is served in the clear instead."""
    text = refused(
        processes.settings(tmp_path, web=True),
        PANTAU_COLLECTOR_WEB__CERT_FILE=f"{tmp_path}/absent.pem",
        PANTAU_COLLECTOR_WEB__KEY_FILE=f"{tmp_path}/absent.key",
    )
    assert (
        text == f"web: cannot use {tmp_path}/absent.pem with {tmp_path}/absent.key: No such file or directory"
    )
