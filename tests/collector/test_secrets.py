"""Secrets stay secret: whatever is asked of a running collector, none is printed, logged or served."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from typing import TYPE_CHECKING

from tests.collector.ingest import processes
from tests.collector.ingest.waiting import until
from tests.collector.web.served import browser, hidden
from tests.fakes import brokers

from pantau_collector.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import pytest

BROKER_PASSWORD = "broker-rahasia-8413"
PASSWORD = "sandi-rahasia-5527 di sini"
TYPED_INTO_THE_NAME = "salah-kolom-9071"
FALSE_TOKEN = "pantau_0123456789abcdef_tokenpalsu6630"
PATHS = ("/", "/devices/desa-1", "/access", "/metrics", "/healthz", "/none", "/?page=x")
API_PATHS = ("/api/v1/devices", "/api/v1/devices/desa-1", "/api/v1/access/tokens", "/api/v1/openapi.json")


def access(capsys: pytest.CaptureFixture[str], config: Path, *words: str) -> str:
    assert main(["--config", str(config), "access", *words]) == 0
    return capsys.readouterr().out


async def asked(client: httpx.AsyncClient, served: list[str], **headers: str) -> list[int]:
    """Ask for everything, and keep what came, but for the cookies that only their own browser gets."""
    codes = []
    for path in PATHS + API_PATHS:
        answer = await client.get(path, headers=headers)
        shown = [f"{name}: {value}" for name, value in answer.headers.items() if name != "set-cookie"]
        served.append("\n".join([*shown, answer.text]))
        codes.append(answer.status_code)
    return codes


async def log_in(client: httpx.AsyncClient, served: list[str], name: str, password: str) -> int:
    fields = hidden((await client.get("/login")).text)
    answer = await client.post("/login", data={**fields, "name": name, "password": password})
    served.append(answer.text)
    return answer.status_code


async def test_no_secret_is_printed_logged_or_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Logins, wrong ones, tokens, errors of the store, and `config`: none holds a secret."""
    monkeypatch.setenv("PANTAU_COLLECTOR_BROKER__USERNAME", "collector")
    monkeypatch.setenv("PANTAU_COLLECTOR_BROKER__PASSWORD", BROKER_PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    log, served = tmp_path / "collector.log", list[str]()
    with brokers.running("embedded", tmp_path) as broker:
        settings = processes.settings(tmp_path / "c", broker.port, web=True)
        access(capsys, settings.file, "person", "add", "siti", "--scope", "admin")
        token = access(capsys, settings.file, "token", "add", "program", "--scope", "admin").strip()
        with processes.running(settings.file, log) as process:
            await until(lambda: "portal.listening" in log.read_text() or process.poll() is not None)
            listening = next(line for line in log.read_text().splitlines() if "portal.listening" in line)
            async with browser(json.loads(listening)["url"]) as client:
                assert await log_in(client, served, TYPED_INTO_THE_NAME, PASSWORD) == 403
                assert await log_in(client, served, "siti", PASSWORD + "x") == 403
                assert await log_in(client, served, "siti", PASSWORD) == 303
                session = client.cookies["pantau-session"]
                assert set(await asked(client, served)) == {200, 404, 422}
                client.cookies.clear()
                bearer = {"authorization": f"Bearer {token}"}
                assert set(await asked(client, served, **bearer)) == {200, 404, 422}
                assert 401 in await asked(client, served, authorization=f"Bearer {FALSE_TOKEN}")
                with contextlib.closing(sqlite3.connect(settings.folder / "pantau.db")) as store:
                    for (table,) in store.execute(
                        "SELECT name FROM sqlite_master WHERE type = 'table'"
                    ).fetchall():
                        store.execute(f'ALTER TABLE "{table}" RENAME TO "gone_{table}"')
                assert set(await asked(client, served, **bearer)) & {500, 503}
    with contextlib.suppress(SystemExit):
        main(["--config", str(settings.file), "config"])
    main(["--config", str(settings.file), "access", "journal"])
    printed = "".join(capsys.readouterr())
    everything = "\n".join([log.read_text(), printed, *served])
    assert '"siti"' not in log.read_text()
    assert "person_added" in printed
    assert "portal.login_failed" in log.read_text()
    for secret in (BROKER_PASSWORD, PASSWORD, TYPED_INTO_THE_NAME, session, token, FALSE_TOKEN):
        assert secret not in everything
        assert (secret.removeprefix("pantau_").partition("_")[2] or secret) not in everything
