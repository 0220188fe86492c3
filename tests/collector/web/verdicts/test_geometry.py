"""Where tiles and bars lie: none over another, nothing lost, short outages visible."""

from __future__ import annotations

import re
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from pantau_collector.months.model import COUNT_FIELDS, Counts, DayStates, VillageMonth
from pantau_collector.months.words import STATES, VERDICTS
from pantau_collector.registry.areas import Area
from pantau_collector.web.verdicts import strip, tiles, trend
from pantau_collector.web.verdicts.tables import VillageRow

POINTS = st.none() | st.tuples(st.floats(-11, 6), st.floats(95, 141))
ROWS = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(list(VERDICTS)), POINTS), min_size=1, max_size=80
)


def rows_of(found: list[tuple[int, str, tuple[float, float] | None]]) -> list[VillageRow]:
    rows = []
    for number, (district, verdict, point) in enumerate(found):
        code = f"33.10.{district:02}.{2000 + number}"
        line = VillageMonth(
            code=code, month="2026-08", provider="", profile="default", verdict=verdict, metrics={}
        )
        rows.append(VillageRow(Area(code, f"Desa {number}"), Area(code[:8], code[:8]), line, "", point))
    return rows


@settings(deadline=None)
@given(ROWS)
def test_each_village_has_one_tile_of_its_own(found: list) -> None:
    rows = rows_of(found)
    blocks = tiles.by_district(rows)
    shown = [tile.row.area.code for block in blocks for tile in block.tiles]
    assert sorted(shown) == sorted(row.area.code for row in rows)
    assert sum(block.counts.villages for block in blocks) == len(rows)
    placed = tiles.by_place(rows)
    known = [row for row in rows if row.point]
    assert (placed is None) == (not known)
    for block in [*blocks, *([placed] if placed else [])]:
        assert len({(tile.x, tile.y) for tile in block.tiles}) == len(block.tiles)
        assert all(0 <= tile.x <= block.width - tiles.SIZE for tile in block.tiles)
        assert all(0 <= tile.y <= block.height - tiles.SIZE for tile in block.tiles)
    assert placed is None or len(placed.tiles) == len(known)


def test_tiles_lie_as_their_villages_do() -> None:
    """Four corners and the middle: north above, east to the right."""
    corners = [(-7.0, 110.0), (-7.0, 111.0), (-8.0, 110.0), (-8.0, 111.0), (-7.5, 110.5)]
    placed = tiles.by_place(rows_of([(1, "pass", point) for point in corners]))
    assert placed is not None
    (nw, ne, sw, se, middle) = placed.tiles
    assert nw.y == ne.y < middle.y < sw.y == se.y
    assert nw.x == sw.x < middle.x < ne.x == se.x


RUNS = st.lists(
    st.tuples(st.sampled_from([*STATES][:-1]), st.integers(1, 700), st.booleans()), min_size=1, max_size=6
)


@settings(deadline=None)
@given(st.lists(RUNS, min_size=1, max_size=4))
def test_every_minute_is_in_the_strip_and_in_its_table(runs: list) -> None:
    days = [DayStates(day=date(2026, 8, 1 + at), runs=tuple(some)) for at, some in enumerate(runs)]
    built = strip.build(days, STATES)
    told = sum(minutes for day in built.days for minutes in day.minutes.values())
    assert told == sum(minutes for some in runs for _, minutes, _ in some)
    assert sum(path.count("M") for path in built.paths.values()) == sum(map(len, runs))
    assert all(
        float(width) >= 1.5 for path in built.paths.values() for width in re.findall(r"h([\d.]+)v", path)
    )
    causes = {one.state: one.minutes for one in strip.causes(days, STATES)}
    assert sum(causes.values()) + sum(day.minutes.get("up", 0) for day in built.days) == told


def test_a_stretch_across_midnight_is_one() -> None:
    days = [
        DayStates(day=date(2026, 8, 1), runs=(("up", 1400, False), ("power_off", 40, False))),
        DayStates(day=date(2026, 8, 2), runs=(("power_off", 60, False), ("up", 1380, False))),
    ]
    assert strip.causes(days, STATES) == [strip.Cause("power_off", 1, 100, 100)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=4, max_size=4))
def test_a_bar_is_divided_whole(numbers: list[int]) -> None:
    counts = Counts(**dict(zip(COUNT_FIELDS.values(), numbers, strict=True)))
    parts = trend.parts(counts, 1000)
    assert len(parts) == sum(number > 0 for number in numbers)
    assert abs(sum(part.height for part in parts) - (1000 if any(numbers) else 0)) < 0.1
