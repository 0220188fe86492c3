"""One village's past: its scene, the states of its minutes, and what was measured, as dense arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.fleet import watching
from pantau_demo.fleet.cadence import SPEED
from pantau_demo.fleet.observations import Scene, observe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_demo.fleet.life import Life
    from pantau_demo.fleet.observations import Table
    from pantau_demo.fleet.places import Village
    from pantau_demo.fleet.watching import Standing

    Numbers = NDArray[np.float64]
    Whole = NDArray[np.int64]


_ROLLED_UP = ("traffic", "testpoint", SPEED)


@dataclass(frozen=True, slots=True)
class Past:
    """A village from the epoch until a minute. `states` are its own: the best of its devices'."""

    village: Village
    scene: Scene
    states: NDArray[np.uint8]
    tables: list[Table]

    @property
    def life(self) -> Life:
        """Whose past it is."""
        return self.scene.life

    @property
    def who(self) -> Whole:
        """The village's devices."""
        return self.scene.block.who

    @property
    def first_minute(self) -> int:
        """The first minute there is."""
        return int(self.scene.block.minute[0])

    @property
    def until_minute(self) -> int:
        """The minute after the last one."""
        return int(self.scene.block.minute[-1]) + 1

    @property
    def since_minute(self) -> int:
        """From when on devices are registered here."""
        return int(self.life.population.since_minute[self.who].min())

    def table(self, kind: str, target: str | None = None) -> Table:
        """Return the measurements of a kind, towards one target."""
        return next(one for one in self.tables if one.kind == kind and one.columns.get("target") == target)

    def dense(self, table: Table, name: str) -> Numbers:
        """Return a table's column as devices by minutes, NaN where there is nothing."""
        found = np.full(self.scene.block.kept.shape, np.nan)
        found[table.row, table.at] = table.columns[name]
        return found


def past(
    life: Life, village: Village, who: Whole, standing: Standing, *, raw_from_minute: int, until_minute: int
) -> Past:
    """Return a village's past, and bring `standing` to its end.

    Before `raw_from_minute` there is only what rollups are made of.
    """
    block = life.block(who, life.epoch_minute, until_minute - life.epoch_minute)
    scene = Scene(life, block, watching.follow(block, life.population, standing))
    states = watching.states(block, scene.track).min(axis=0)
    return Past(village, scene, states, observe(scene, raw_from_minute, _ROLLED_UP))


def counted_tests(of: Past) -> NDArray[np.bool_]:
    """Return which speed tests count for a verdict: not limited, not failed, wired (docs/sla.md)."""
    tests = of.table("speed")
    wired = of.life.wired(of.who)[tests.row]
    none: NDArray[np.bool_] = tests.columns["limited_by"] == "none"
    return wired & none
