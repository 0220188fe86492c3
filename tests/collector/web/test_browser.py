"""The page in a real browser: it follows new measurements by itself, and obeys its own strict policy."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest
import uvicorn
from playwright.async_api import Page, async_playwright

from pantau_wire.fields import Latency, Speed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.collector.web.world import World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@pytest.fixture
async def address(world: World) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(world.app, port=0, log_level="warning", ws="none", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag only
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield await browser.new_page(viewport={"width": 1280, "height": 600})
        await browser.close()


def speed(megabits: float) -> Speed:
    return Speed(engine="http", download_goodput_bps=megabits * 1e6, upload_goodput_bps=1e6)


async def test_a_new_measurement_appears_without_reloading_and_the_scroll_position_stays(
    world: World, address: str, page: Page
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    world.put(speed(10), ago_s=120)
    await page.goto(f"{address}/devices/klaten-1?hours=1")
    await page.evaluate("() => { window.stayed = true; window.scrollTo(0, 300); }")
    record = world.put(speed(38.16), ago_s=30)
    mark = page.locator(f'.plot [data-field="download_goodput_bps"][data-seq="{record.seq}"]')
    await mark.wait_for(state="attached", timeout=15_000)
    assert await mark.get_attribute("data-value") == repr(record.data.download_goodput_bps)
    assert await mark.get_attribute("data-time-ns") == str(record.time_ns)
    assert await page.locator(".card .big").first.inner_text() == "38,16 Mbit/s"
    assert await page.evaluate("() => [window.stayed, window.scrollY]") == [True, 300]
    assert complaints == []


async def test_the_first_measurement_replaces_the_waiting_page(
    world: World, address: str, page: Page
) -> None:
    await page.goto(f"{address}/devices/klaten-1")
    assert "Menunggu pengukuran pertama" in await page.inner_text("main")
    world.put(Latency(target="testpoint", method="stamp", rtd_p50_ms=20.0), ago_s=5)
    await page.locator(".plot").first.wait_for(timeout=15_000)
    assert "Menunggu" not in await page.inner_text("main")


async def test_a_lost_collector_is_said_and_the_page_stays(world: World, address: str, page: Page) -> None:
    world.put(speed(10), ago_s=120)
    await page.goto(f"{address}/devices/klaten-1")
    world.store.down = True
    await page.locator("#live.lost").wait_for(timeout=15_000)
    assert await page.inner_text("#live") == "Terputus, mencoba lagi"
    assert await page.locator(".plot").count() == 1
    world.store.down = False
    await page.locator("#live.on").wait_for(timeout=20_000)


@pytest.mark.parametrize("path", ["/", "/devices/klaten-1", "/devices/none"])
async def test_nothing_is_wider_than_a_phone(world: World, address: str, page: Page, path: str) -> None:
    world.put(speed(10), ago_s=120)
    world.put(Latency(target="testpoint", method="stamp", rtd_p50_ms=20.0), ago_s=5)
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"{address}{path}")
    assert await page.evaluate("() => document.documentElement.scrollWidth") == 390
