"""A regency as tiles, a square for each village: by district, or where the villages lie if that is known.

Pure geometry. Positions are in pixels; a tile is large enough for a finger.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.months.model import COUNT_FIELDS, Counts
from pantau_collector.registry.codes import DISTRICT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_collector.registry.areas import Area
    from pantau_collector.web.verdicts.tables import VillageRow

    Cell = tuple[int, int]

SIZE = 26
STEP = SIZE + 2
_WIDER_THAN_HIGH = 1.6
_CELLS_PER_VILLAGE = 2.5


@dataclass(frozen=True, slots=True)
class Tile:
    """One village's square."""

    x: int
    y: int
    row: VillageRow


@dataclass(frozen=True, slots=True)
class Block:
    """Tiles that belong together, and how large a picture they need."""

    district: Area | None
    tiles: list[Tile]
    width: int
    height: int
    counts: Counts


def by_district(rows: Sequence[VillageRow]) -> list[Block]:
    """Return a block for each district, in order of code, its villages in order of code."""
    ordered = sorted(rows, key=lambda row: row.area.code)
    groups = itertools.groupby(ordered, key=lambda row: row.area.code[:DISTRICT_LENGTH])
    return [_rectangle(list(found)) for _, found in groups]


def by_place(rows: Sequence[VillageRow]) -> Block | None:
    """Return the villages whose coordinates are known near where they lie, none over another; None for none.

    Each takes the free cell of a grid that is nearest to its own; north is up.
    """
    known = sorted((row for row in rows if row.point), key=lambda row: row.area.code)
    if not known:
        return None
    taken: dict[Cell, VillageRow] = {}
    for row, wanted in zip(known, _cells([row.point for row in known if row.point]), strict=True):
        taken[next(cell for cell in _around(wanted) if cell not in taken)] = row
    left, top = min(x for x, _ in taken), min(y for _, y in taken)
    tiles = [Tile((x - left) * STEP, (y - top) * STEP, row) for (x, y), row in taken.items()]
    return _block(None, sorted(tiles, key=lambda tile: tile.row.area.code))


def _rectangle(rows: list[VillageRow]) -> Block:
    columns = max(1, math.ceil(math.sqrt(len(rows) * _WIDER_THAN_HIGH)))
    places = (divmod(number, columns) for number in range(len(rows)))
    tiles = [Tile(x * STEP, y * STEP, row) for (y, x), row in zip(places, rows, strict=True)]
    return _block(rows[0].district, tiles)


def _block(district: Area | None, tiles: list[Tile]) -> Block:
    verdicts = [tile.row.line.verdict for tile in tiles]
    return Block(
        district,
        tiles,
        max(tile.x for tile in tiles) + SIZE,
        max(tile.y for tile in tiles) + SIZE,
        Counts(**{COUNT_FIELDS[word]: verdicts.count(word) for word in set(verdicts)}),
    )


def _cells(points: Sequence[tuple[float, float]]) -> list[Cell]:
    """Return the cell that each (latitude, longitude) lies in, of a grid with room for all of them."""
    flat = math.cos(math.radians(points[0][0]))
    across = [longitude * flat for _, longitude in points]
    down = [-latitude for latitude, _ in points]
    width, height = (max(some) - min(some) for some in (across, down))
    size = math.sqrt(
        max(width * height, width**2 / 100, height**2 / 100) / (_CELLS_PER_VILLAGE * len(points))
    )
    size = size or 1.0
    return [
        (round((x - min(across)) / size), round((y - min(down)) / size))
        for x, y in zip(across, down, strict=True)
    ]


def _around(cell: Cell) -> Iterator[Cell]:
    """Yield the cell and those around it, nearest first."""
    x, y = cell
    for ring in itertools.count():
        offsets = [
            (across, down)
            for across in range(-ring, ring + 1)
            for down in range(-ring, ring + 1)
            if max(abs(across), abs(down)) == ring
        ]
        offsets.sort(key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset))
        yield from ((x + across, y + down) for across, down in offsets)
