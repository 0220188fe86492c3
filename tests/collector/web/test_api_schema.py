"""Schemathesis asks the API what its description allows, and what it forbids: no 5xx, bodies as described,
content types right, nonsense refused. The seed is fixed, and examples are few: this is part of `make test`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.collector.months import world as months_world
from tests.collector.web import served
from tests.collector.web.present import present
from tests.collector.web.world import HEADER, NOW, TEGALYOSO, S, World

from pantau_collector.access import tokens
from pantau_collector.access.book import Book
from pantau_collector.config import WebConfig
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.fields import Speed

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 3
PROGRAM = Path(sys.executable).with_name("schemathesis")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """The API of a portal over SQLite: months of a regency, a device that measured, rows of the present."""
    folder = tmp_path_factory.mktemp("api")
    registry = folder / "devices.csv"
    registry.write_text(f"{HEADER}klaten-1,{TEGALYOSO},2026-01-01T00:00:00+07:00,yes\n")
    with contextlib.closing(SqliteStore(folder / "pantau.db")) as store:
        months = months_world.filled(store, {TEGALYOSO: "broken"}, ["2026-09"])
        web = WebConfig(access_path=folder / "access.db", requests_per_minute=1_000_000)
        world = World(store, registry, web, months=months)
        world.put(Speed(engine="http", download_goodput_bps=38.16e6, upload_goodput_bps=19.03e6))
        store.write_series(list(present(TEGALYOSO, "klaten-1")))
        with contextlib.closing(Book(web.access_path)) as book:
            now = NOW // S
            token = tokens.add(book, "fuzzer", "admin", ends_at=now + 3600, who="test", now=now)
        yield world, token


async def test_the_api_does_what_its_description_says(api: tuple[World, str], tmp_path: Path):
    """Every operation, with what the description allows and with what it does not; each check of the tool."""
    world, token = api
    async with served.running(world) as url:
        location = f"{url}/api/v1/openapi.json"
        header = f"Authorization: Bearer {token}"
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "run", location, "--header", header, "--seed", "7", "--max-examples", str(EXAMPLES)),
            *("--phases", "examples,coverage,fuzzing", "--checks", "all", "--no-shrink"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
