"""The pages over months that a real store holds and the real mathematics judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.collector.months import world as stored
from tests.collector.web.test_pages import text
from tests.collector.web.world import World

from pantau_collector.config import WebConfig
from pantau_collector.months import words
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def world_of(folder: Path) -> World:
    """Return a portal over three months of six villages in SQLite; the clock stands in November 2026."""
    registry = folder / "devices.csv"
    registry.write_text("device,village,since\n")
    store = SqliteStore(folder / "pantau.db")
    months = stored.filled(store)
    return World(store, registry, WebConfig(access_path=folder / "a.db"), months=months)  # type: ignore[arg-type]


async def test_every_village_gets_the_verdict_that_its_days_add_up_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From days in SQLite to pages: counts and sentences agree, and a page asks a few times at most."""
    world = world_of(tmp_path)
    store, months = world.store, world.months
    assert months is not None
    asked: list[str] = []
    series = store.series
    monkeypatch.setattr(store, "series", lambda name, **more: asked.append(name) or series(name, **more))
    async with world.client() as client:
        assert "6 desa dinilai 3 Tidak memenuhi 1 Data tidak cukup" in text(await client.get("/"))
        for path in ("/", "/areas/33", "/areas/33.10", "/areas/33.10.01"):
            asked.clear()
            assert (await client.get(path)).status_code == 200
            assert len(asked) <= 8, (path, asked)
        for code, kind in stored.VILLAGES.items():
            asked.clear()
            page = text(await client.get(f"/villages/{code}"))
            assert len(asked) <= 20, asked
            found = months.evidence("2026-08", code)
            assert found is not None
            assert found.line.verdict == stored.KINDS[kind].verdict
            assert words.explain(found.report, "id").summary in page
    store.close()
