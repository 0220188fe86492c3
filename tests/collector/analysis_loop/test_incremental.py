"""Whatever the order in which things become known, the rollups are those of who knew all from the start."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.collector.analysis_loop.world import HOUR_NS, START_NS, Living, from_scratch, random_life, rollups
from tests.fakes import influxd

from pantau_collector.config import InfluxConfig
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


class CrashError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("seed", range(4))
def test_incremental_equals_from_scratch(memory_folder: Path, seed: int):
    """Late, doubled and lost measurements, reboots, moved and retired devices, crashes and restarts."""
    life, random_ = random_life(seed), random.Random(seed)
    living = Living(SqliteStore(memory_folder / "lived.db"), life)
    now_ns = START_NS + HOUR_NS
    while now_ns < life.end_ns:
        _live_on(living, now_ns, random_)
        now_ns += random_.choice((HOUR_NS // 12, HOUR_NS // 12, HOUR_NS, 5 * HOUR_NS))
    living.until(life.end_ns)
    known = from_scratch(SqliteStore(memory_folder / "scratch.db"), life)
    lived = rollups(living.store, life)
    assert {place: (row, known.get(place)) for place, row in lived.items() if known.get(place) != row} == {}
    assert lived.keys() == known.keys()


def test_on_influxdb(memory_folder: Path):
    """The same on Debian's InfluxDB, which merges fields: nothing of a row that was wrong remains."""
    life = random_life(7, hours=6)
    with influxd.running(memory_folder) as server:
        config = InfluxConfig(url=server.url, database=server.new_database())
        for retention in ("rollup", "history"):
            server.run(f"CREATE DATABASE {config.database}_{retention}")
        living = Living(InfluxStore(config), life)
        for hour in (1, 2.5, 5):
            living.until(START_NS + int(hour * HOUR_NS))
        living.analysis = None
        living.until(life.end_ns)
        lived = rollups(living.store, life)
        living.store.close()
    known = from_scratch(SqliteStore(memory_folder / "scratch.db"), life)
    assert {place: (row, known.get(place)) for place, row in lived.items() if known.get(place) != row} == {}
    assert lived.keys() == known.keys()


def _live_on(living: Living, now_ns: int, random_: random.Random) -> None:
    """Do a step, which may be cut off anywhere, and may be the first one of a new process."""
    left = random_.randrange(40) if random_.random() < 0.2 else None
    if random_.random() < 0.1:
        living.analysis = None

    def breathe() -> None:
        nonlocal left
        if left is not None:
            left -= 1
            if left < 0:
                raise CrashError

    living.breathe = breathe
    try:
        living.until(now_ns)
    except CrashError:
        living.analysis = None
    living.breathe = lambda: None
