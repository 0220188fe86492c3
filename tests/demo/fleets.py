"""Small fleets for tests: some villages of Klaten, some days, in a folder and in an SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.registry import areas
from pantau_collector.storage.sqlite import SqliteStore
from pantau_collector.transfer.importing import Importer
from pantau_demo.fleet.cadence import METERED
from pantau_demo.fleet.dice import Dice
from pantau_demo.fleet.history import writing
from pantau_demo.fleet.life import Life
from pantau_demo.fleet.places import Village
from pantau_demo.fleet.population import populate, registry_csv
from pantau_demo.fleet.watching import Standing

if TYPE_CHECKING:
    from pathlib import Path

WIB_MINUTES = 420
MIDNIGHT = 29_741_340
"""A midnight in Klaten (2026-07-20, local), in minutes since 1970."""
DAY = 1440


def klaten(count: int) -> list[Village]:
    """Return the first villages of Klaten."""
    found = []
    for village in list(areas.villages("33.10"))[:count]:
        parents = [parent.name for parent in village.parents]
        found.append(Village(village.code, village.name, parents[0], parents[1], parents[2], WIB_MINUTES))
    return found


def life(count: int, seed: int = 1, days: int = 0, **changes) -> Life:
    """Return the life of a small fleet that begins so many days before `MIDNIGHT`."""
    dice, epoch = Dice(seed), MIDNIGHT - days * DAY
    return Life(dice, populate(dice, klaten(count), epoch), epoch, **{"cadence_": METERED, **changes})


def written(
    of: Life, folder: Path, *, until_minute: int, raw_from_minute: int, fine_from_minute: int
) -> Standing:
    """Write a history, and return where everybody stands at its end."""
    standing = Standing.new(len(of.population))
    plan = writing.Plan(fine_from_minute, raw_from_minute, until_minute)
    list(writing.write(of, plan, folder, standing))
    (folder / "devices.csv").write_text(registry_csv(of.population), encoding="utf-8")
    return standing


def imported(folder: Path) -> SqliteStore:
    """Return a store into which a written history was imported."""
    store = SqliteStore(folder / "pantau.db")
    importer = Importer(store, fresh=True)
    for part in sorted(folder.glob("part-*")):
        importer.folder(part, "test", lambda *_: None)
    assert importer.outcome.whole
    return store
