"""A portal with three months of one regency: a village of each kind in two districts, and one elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.web.verdicts.places import AUGUST, FAILED, OCTOBER, REGISTRY, SEPTEMBER, VILLAGES
from tests.collector.web.world import World
from tests.fakes import village_months
from tests.fakes.memory_months import MemoryMonths
from tests.fakes.memory_store import MemoryStore

from pantau_collector.config import WebConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx


@pytest.fixture
def months() -> MemoryMonths:
    found = [
        village_months.evidence(code, month, kind, provider)
        for code, (kind, provider) in VILLAGES.items()
        for month in (AUGUST, SEPTEMBER, OCTOBER)
    ]
    return MemoryMonths(one for one in found if (one.line.code, one.line.month) != (FAILED, AUGUST))


@pytest.fixture
def world(tmp_path: Path, months: MemoryMonths) -> World:
    registry = tmp_path / "devices.csv"
    registry.write_text(REGISTRY)
    return World(MemoryStore(), registry, WebConfig(access_path=tmp_path / "access.db"), months=months)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as client:
        yield client
