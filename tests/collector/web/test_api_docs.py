"""The commands of docs/api.md and docs/api-id.md, typed as they stand there, against a running portal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
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

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("api.md", "api-id.md")
curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: apt-get install curl")


def commands(page: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return re.findall(r"^curl .*(?:\n    .*)*", "".join(blocks), re.MULTILINE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    registry = tmp_path / "devices.csv"
    registry.write_text(f"{HEADER}klaten-1,{TEGALYOSO},2026-01-01T00:00:00+07:00,yes\n")
    with contextlib.closing(SqliteStore(tmp_path / "pantau.db")) as store:
        months = months_world.filled(store, {TEGALYOSO: "broken"}, ["2026-08", "2026-09"])
        world = World(store, registry, WebConfig(access_path=tmp_path / "access.db"), months=months)
        world.put(Speed(engine="http", download_goodput_bps=38.16e6, upload_goodput_bps=19.03e6))
        store.write_series(list(present(TEGALYOSO, "klaten-1")))
        yield world


@curl
@pytest.mark.parametrize("page", PAGES)
async def test_every_command_of_the_page_gets_an_answer_with_something_in_it(
    world: World, tmp_path: Path, page: str
):
    """No command fails, and none shows an empty list where the page promises something."""
    with contextlib.closing(Book(world.web.access_path)) as book:
        token = tokens.add(book, "reader", "admin", ends_at=NOW // S + 60, who="test", now=NOW // S)
    found = commands(page)
    assert len(found) > 20
    async with served.running(world) as url:
        for command in found:
            process = await asyncio.create_subprocess_exec(
                *("sh", "-ec", command),
                cwd=tmp_path,
                env={"PATH": "/usr/bin:/bin", "PANTAU": url, "TOKEN": token, "no_proxy": "*"},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            answer, complaint = await process.communicate()
            assert process.returncode == 0, (command, answer, complaint)
            if " -o " not in command:
                body = json.loads(answer)
                assert any(value not in ([], {}, None) for value in body.values()), (command, body)
    assert (tmp_path / "klaten.pdf").read_bytes().startswith(b"%PDF")


def test_both_languages_show_the_same_commands():
    """Who reads Indonesian misses nothing: same addresses, in the same order."""
    english, indonesian = (
        [re.findall(r'"\$PANTAU([^"?]*)', one) for one in commands(page)] for page in PAGES
    )
    assert english == indonesian
