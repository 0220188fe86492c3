"""The world that the portal's tests look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright
from tests.collector.web.world import HEADER, TEGALYOSO, World
from tests.fakes import chromium
from tests.fakes.memory_store import MemoryStore

from pantau_collector.config import WebConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from playwright.async_api import Page


@pytest.fixture
def world(tmp_path: Path) -> World:
    registry = tmp_path / "devices.csv"
    registry.write_text(f"{HEADER}klaten-1,{TEGALYOSO},2026-01-01T00:00:00+07:00,yes\n")
    store = MemoryStore()
    return World(store, registry, WebConfig(access_path=tmp_path / "access.db"))


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as client:
        yield client


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a real browser, wide as a desktop and not very high."""
    if chromium.PATH is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.PATH, args=chromium.FLAGS)
        yield await browser.new_page(viewport={"width": 1280, "height": 600}, ignore_https_errors=True)
        await browser.close()
