"""Writes a fleet's past, some villages to a folder, so that one can be imported while the next is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_demo.fleet.history import days, raw, registry, villages
from pantau_demo.fleet.history.files import Folder
from pantau_demo.fleet.history.past import past
from pantau_demo.fleet.history.regencies import Regency
from pantau_demo.fleet.history.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pantau_demo.fleet.history.past import Past
    from pantau_demo.fleet.life import Life
    from pantau_demo.fleet.watching import Standing

    Whole = NDArray[np.int64]

VILLAGES_AT_ONCE = 60
LAST = "part-last"
"""The folder that must be imported after all others."""
_SLOT = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: from when on five-minute windows and raw measurements, until when (minutes)."""

    fine_from_minute: int
    raw_from_minute: int
    until_minute: int

    @property
    def settled_minute(self) -> int:
        """The end of the last whole five-minute window."""
        return self.until_minute // _SLOT * _SLOT


def write(life: Life, plan: Plan, folder: Path, standing: Standing) -> Iterator[tuple[Path, int]]:
    """Write folder after folder; yield each, as soon as it is whole, with how many villages are done."""
    population = life.population
    found: dict[str, Regency] = {}
    done = 0
    for number, part in enumerate(_parts(population.by_village())):
        target = Folder(folder / f"part-{number + 1:03}")
        for who in part:
            village = population.villages[int(who[0])]
            of = past(
                life,
                village,
                who,
                standing,
                raw_from_minute=plan.raw_from_minute,
                until_minute=plan.until_minute,
            )
            _village(target, of, plan, found.setdefault(village.code[:5], Regency(village.code[:5])))
            done += 1
        target.close()
        yield target.path, done
    yield _last(folder, life, plan, found), done


def _village(folder: Folder, of: Past, plan: Plan, regency: Regency) -> None:
    for name, from_minute in (("5m", plan.fine_from_minute), ("1h", 0), ("1d", 0)):
        cut = windows(name, of.first_minute, from_minute, plan.settled_minute, of.village.utc_offset_minutes)
        if cut.count:
            figures = villages.figures(of, cut)
            folder.write("series", f"village_{name}", *villages.rows(of, cut, figures))
            regency.add(cut, figures)
    cut = windows("1d", of.first_minute, 0, plan.settled_minute, of.village.utc_offset_minutes)
    folder.write("series", "sla_day", days.DAY_COLUMNS, days.day_rows(of, cut))
    folder.write("series", "sla_test", days.TEST_COLUMNS, days.test_rows(of))
    raw.write_points(folder, of, plan.raw_from_minute)
    raw.write_deliveries(folder, of, plan.raw_from_minute)


def _last(folder: Path, life: Life, plan: Plan, regencies: dict[str, Regency]) -> Path:
    """Write what needs all villages."""
    target = Folder(folder / LAST)
    for regency in regencies.values():
        for name, columns, rows in regency.rows():
            target.write("series", name, columns, rows)
    target.write("series", "registry", registry.COLUMNS, registry.rows(life, plan.settled_minute))
    target.close()
    return target.path


def _parts(of_villages: list[Whole]) -> Iterator[list[Whole]]:
    for at in range(0, len(of_villages), VILLAGES_AT_ONCE):
        yield of_villages[at : at + VILLAGES_AT_ONCE]
