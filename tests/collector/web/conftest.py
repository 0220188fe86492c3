"""The world that the portal's tests look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.web.world import HEADER, TEGALYOSO, World
from tests.fakes.memory_store import MemoryStore

from pantau_collector.config import WebConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx


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
