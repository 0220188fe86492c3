"""Months as downloads: whole files with the right type and name, and errors that a person can read."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from typing import IO, TYPE_CHECKING

import openpyxl
import pypdf
import pytest
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from tests.collector.months import world as months_world
from tests.collector.web.world import TEGALYOSO, World

from pantau_collector.cli import main
from pantau_collector.web.downloads import Workshop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    months = months_world.filled(world.store, {TEGALYOSO: "broken"}, ["2026-09"])
    async with World(world.store, world.registry, world.web, months=months).client() as client:
        yield client


async def test_each_format_comes_as_a_whole_file_of_its_type(client: httpx.AsyncClient):
    """The nation, a regency and a village can be had in all formats, each read by a program for it."""
    for code in ("id", "33.10", TEGALYOSO):
        for ending, media_type in (
            ("csv", "text/csv"),
            ("xlsx", "spreadsheetml"),
            ("pdf", "application/pdf"),
        ):
            answer = await client.get(f"/areas/{code}/2026-09.{ending}")
            assert answer.status_code == 200
            assert media_type in answer.headers["content-type"]
            name = f'attachment; filename="pantau-{code}-2026-09.{ending}"'
            assert answer.headers["content-disposition"] == name
            if ending == "csv":
                [row] = csv.DictReader(io.StringIO(answer.text, newline=""))
                assert row["village_code"] == TEGALYOSO
            elif ending == "xlsx":
                assert openpyxl.load_workbook(io.BytesIO(answer.content))["Desa"].max_row == 2
            else:
                assert "Tegalyoso" in pypdf.PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()


async def test_the_address_chooses_language_and_dialect(client: httpx.AsyncClient):
    """`lang` is the language of the file, `dialect=excel` what its Excel opens by itself."""
    report = await client.get("/areas/33.10/2026-09.pdf?lang=en")
    assert "Quality of villages" in pypdf.PdfReader(io.BytesIO(report.content)).pages[0].extract_text()
    table = await client.get("/areas/33.10/2026-09.csv?dialect=excel&lang=id")
    assert table.content.startswith(b"\xef\xbb\xbfmonth;")


async def test_who_has_the_file_already_gets_304(client: httpx.AsyncClient):
    """The tag is that of the bytes, so that a new revision is a new file."""
    first = await client.get("/areas/33.10/2026-09.csv")
    again = await client.get("/areas/33.10/2026-09.csv", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/areas/33.99/2026-09.csv", 404),
        ("/areas/33.10/2026-08.csv", 404),
        ("/areas/33.10/2031-01.csv", 404),
        ("/areas/33.10/2026-13.csv", 422),
        ("/areas/33.10/2026-09.ods", 422),
        ("/areas/..%2F..%2Fetc/2026-09.csv", 404),
        ("/areas/33.10/2026-09.csv?dialect=lotus", 422),
    ],
)
async def test_what_cannot_be_had_is_a_page_that_says_so(client: httpx.AsyncClient, path: str, status: int):
    """Unknown areas, months without data, months to come and wrong words are errors, never empty files."""
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "content-disposition" not in answer.headers


async def test_a_store_that_fails_halfway_is_an_error_and_no_short_file(
    world: World, client: httpx.AsyncClient
):
    """Nobody takes half a nation for a whole one."""
    world.store.down = True
    answer = await client.get("/areas/id/2026-09.csv")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_evidence_of_a_village_recomputes_to_the_same_verdict(
    client: httpx.AsyncClient, tmp_path: Path
):
    """What is downloaded is what `pantau-collector sla verify` checks."""
    answer = await client.get(f"/villages/{TEGALYOSO}/2026-09/evidence.zip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    name = f'attachment; filename="pantau-{TEGALYOSO}-2026-09-evidence.zip"'
    assert answer.headers["content-disposition"] == name
    path = tmp_path / "evidence.zip"
    path.write_bytes(answer.content)
    assert main(["sla", "verify", str(path)]) == 0
    for wrong in (f"/villages/{TEGALYOSO}/2026-08", "/villages/33.10.26.9999/2026-09"):
        assert (await client.get(f"{wrong}/evidence.zip")).status_code == 404


async def test_two_files_are_made_at_a_time_and_a_crowd_is_sent_away():
    """Of thirty at once two are worked for, twenty wait and get theirs, eight are told when to come again."""
    workshop, go, under_way, most = Workshop(), threading.Event(), [0], [0]
    lock = threading.Lock()

    def work(out: IO[bytes]) -> str:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        assert go.wait(60)
        with lock:
            under_way[0] -= 1
        out.write(b"month\r\n")
        return "pantau-id-2026-09.csv"

    request = Request({"type": "http", "headers": []})
    asked = [asyncio.create_task(workshop.answer(request, "text/csv", work)) for _ in range(30)]
    while sum(task.done() for task in asked) < 8:  # noqa: ASYNC110 - they end by themselves
        await asyncio.sleep(0.01)
    go.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    sent_away = [one for one in answers if isinstance(one, HTTPException)]
    assert [(one.status_code, one.headers) for one in sent_away] == [(503, {"retry-after": "30"})] * 8
    assert most[0] == 2
    for one in answers:
        if isinstance(one, StreamingResponse):
            assert b"".join([part async for part in one.body_iterator]) == b"month\r\n"
