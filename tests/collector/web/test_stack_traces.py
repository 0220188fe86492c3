"""A fault of ours is logged with its stack trace, and without the secrets of the request."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
import structlog
from tests.collector.web.served import PASSWORD, with_people

from pantau_collector import logs
from pantau_collector.access import tokens
from pantau_collector.access.book import Book

if TYPE_CHECKING:
    from tests.collector.web.world import World


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_stack_trace_holds_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], log_format: str
):
    """What is logged of a fault of ours shows code, not the values that were under way."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    before = structlog.get_config()
    guarded = with_people(world)
    now = world.now_ns // 1_000_000_000
    with contextlib.closing(Book(world.web.access_path)) as book:
        token = tokens.add(book, "program", "read", ends_at=now + 60, who="test", now=now)
    monkeypatch.setattr(world.store, "activity", broken)
    logs.configure(log_format)
    try:
        async with guarded.client() as client:
            answer = await client.get("/api/v1/devices", headers={"authorization": f"Bearer {token}"})
            await client.post("/login", data={"name": "siti", "password": PASSWORD})
    finally:
        structlog.configure(**before)
    printed = "".join(capsys.readouterr())
    assert answer.status_code == 500
    assert "Traceback" in printed
    for secret in (token, token.split("_", 2)[2], PASSWORD):
        assert secret not in printed + answer.text
