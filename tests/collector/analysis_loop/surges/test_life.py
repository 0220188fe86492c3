"""Whatever comes late and whoever dies, the surges are those of one pass over everything."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.collector.analysis.surge.slow_reference import SlowDetector
from tests.collector.analysis_loop.surges.fleet import DAY, FIRST_BIN, Fleet, rates, registry, row, written
from tests.fakes import influxd

from pantau_collector.config import InfluxConfig
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pantau_collector.storage.base import SeriesRow, Store

VILLAGES = 12
KNOWN_BINS = 15 * DAY
END_BINS = KNOWN_BINS + DAY + 100
Arrivals = list[tuple[int, "SeriesRow"]]


class CrashError(Exception):
    """The process ends here."""


def _rows(found: NDArray[np.float64], bins: range) -> Iterator[SeriesRow]:
    for at in bins:
        for number, rate in enumerate(found[at].tolist()):
            yield row(number, FIRST_BIN + at, None if np.isnan(rate) else rate)


def _arrivals(found: NDArray[np.float64], random_: random.Random) -> Arrivals:
    """When each row is known: most at once, some first without traffic, some hours or a day later."""
    arrivals: Arrivals = []
    for one in _rows(found, range(KNOWN_BINS, len(found))):
        at = one.time_ns // (300 * 10**9) - FIRST_BIN + 1
        chance = random_.random()
        if chance < 0.05:
            number = int(one.tags[0][-4:]) - 2001
            arrivals.append((at, row(number, FIRST_BIN + at - 1, None)))
            at += random_.randrange(1, 4 if chance < 0.03 else DAY)
        arrivals.append((at, one))
    return sorted(arrivals, key=lambda arrival: arrival[0])


def _live(fleet: Fleet, arrivals: Arrivals, random_: random.Random) -> None:
    now = KNOWN_BINS
    fleet.step(FIRST_BIN + now)
    waiting = list(arrivals)
    while now < END_BINS:
        now = min(now + random_.choice((1, 1, 3, 12, 60)), END_BINS)
        left = random_.randrange(6) if random_.random() < 0.2 else None

        def breathe() -> None:
            nonlocal left
            if left is not None:
                left -= 1
                if left < 0:
                    raise CrashError

        fleet.breathe = breathe
        count = sum(at <= now for at, _ in waiting)
        some, waiting = waiting[:count], waiting[count:]
        fleet.arrive(one for _, one in some)
        try:
            fleet.step(FIRST_BIN + now)
        except CrashError:
            fleet.restart()
        if random_.random() < 0.1:
            fleet.restart()
    fleet.breathe = lambda: None
    fleet.arrive(one for _, one in waiting)
    for later in (0, 6, 12):  # what lies deep is done every half hour
        fleet.step(FIRST_BIN + END_BINS + later)


def _one_pass(store: Store, folder: Path, found: NDArray[np.float64]) -> Fleet:
    written(store, _rows(found, range(KNOWN_BINS)))
    fleet = Fleet(store, folder, registry(VILLAGES))
    fleet.step(FIRST_BIN + KNOWN_BINS)
    written(store, _rows(found, range(KNOWN_BINS, END_BINS)))
    fleet.step(FIRST_BIN + END_BINS)
    return fleet


def _differences(lived: Fleet, once: Fleet) -> dict[object, object]:
    known, now = once.found(), lived.found()
    end = FIRST_BIN + END_BINS
    now = {place: values for place, values in now.items() if place[2] < end}
    assert len(known) > 2 * VILLAGES * DAY
    return {
        place: (now.get(place), known.get(place))
        for place in now.keys() | known.keys()
        if now.get(place) != known.get(place)
    }


def test_a_life_equals_one_pass(memory_folder: Path):
    """Late and changed rows, jumps, crashes anywhere and restarts: every row of the series is the same."""
    found, random_ = rates(1, VILLAGES, END_BINS, KNOWN_BINS), random.Random(1)
    store = SqliteStore(memory_folder / "lived.db")
    written(store, _rows(found, range(KNOWN_BINS)))
    lived = Fleet(store, memory_folder / "lived", registry(VILLAGES))
    _live(lived, _arrivals(found, random_), random_)
    once = _one_pass(SqliteStore(memory_folder / "once.db"), memory_folder / "once", found)
    assert _differences(lived, once) == {}
    states = {values["state"] for values in once.found().values()}
    assert states >= {"normal", "slow", "surge", "unmeasured"}


def test_on_influxdb(memory_folder: Path):
    """The same on Debian's InfluxDB, which merges fields."""
    found, random_ = rates(5, VILLAGES, END_BINS, KNOWN_BINS), random.Random(5)
    with influxd.running(memory_folder) as server:
        config = InfluxConfig(url=server.url, database=server.new_database())
        for retention in ("rollup", "history"):
            server.run(f"CREATE DATABASE {config.database}_{retention}")
        store = InfluxStore(config)
        written(store, _rows(found, range(KNOWN_BINS)))
        lived = Fleet(store, memory_folder / "lived", registry(VILLAGES))
        _live(lived, _arrivals(found, random_), random_)
        once = _one_pass(SqliteStore(memory_folder / "once.db"), memory_folder / "once", found)
        assert _differences(lived, once) == {}
        store.close()


def test_the_loop_says_what_the_definition_says(memory_folder: Path):
    """A day after a cold start, when the level rests on judged bins, value by value."""
    found = rates(9, VILLAGES, END_BINS, KNOWN_BINS)
    once = _one_pass(SqliteStore(memory_folder / "once.db"), memory_folder / "once", found)
    slow = SlowDetector([0] * VILLAGES, [25_200] * VILLAGES)
    judged_from = KNOWN_BINS - DAY
    for at in range(judged_from):
        for number, rate in enumerate(found[at].tolist()):
            if not np.isnan(rate):
                slow.y[FIRST_BIN + at, number] = float(np.log(max(rate, 1000.0)))
                slow.first.setdefault(number, FIRST_BIN + at)
    known = once.found()
    compared = 0
    for at in range(judged_from, END_BINS):
        expected = slow.step(FIRST_BIN + at, [None if np.isnan(rate) else rate for rate in found[at]])
        if at < KNOWN_BINS + 30:
            continue
        for number, wanted in enumerate(expected):
            got = known[f"33.10.26.{2001 + number}", "rx", FIRST_BIN + at]
            for name in ("score", "cusum", "ratio"):
                figure = wanted[name]
                close = None if figure is None else pytest.approx(figure, abs=0.03, rel=0.01)
                assert got.get(name) == close, (name, at, number)
                compared += 1
    assert compared > 5_000
