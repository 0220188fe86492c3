"""Writes a fleet's past, some villages to a folder, so that one can be imported while the next is made."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.fleet.history import days, raw, registry, villages
from pantau_demo.fleet.history.files import Folder
from pantau_demo.fleet.history.past import past
from pantau_demo.fleet.history.regencies import Regency
from pantau_demo.fleet.history.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pantau_demo.fleet.history.past import Past
    from pantau_demo.fleet.life import Life
    from pantau_demo.fleet.watching import Standing

    Whole = NDArray[np.int64]

VILLAGES_AT_ONCE = 60
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
    regency, done = Regency(""), 0
    for number, (code, part, last) in enumerate(_parts(life)):
        target = Folder(folder / f"part-{number + 1:05}")
        regency = regency if regency.code == code else Regency(code)
        for who in part:
            _village(target, _past(life, plan, who, standing), plan, regency)
        if last:
            for name, columns, rows in regency.rows():
                target.write("series", name, columns, rows)
        devices = np.concatenate(part).tolist()
        target.write(
            "series", "registry", registry.COLUMNS, registry.rows(life, devices, plan.settled_minute)
        )
        target.close()
        done += len(part)
        yield target.path, done


def _past(life: Life, plan: Plan, who: Whole, standing: Standing) -> Past:
    village, until = life.population.villages[int(who[0])], plan.until_minute
    return past(life, village, who, standing, raw_from_minute=plan.raw_from_minute, until_minute=until)


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


def _parts(life: Life) -> Iterator[tuple[str, list[Whole], bool]]:
    """Yield some villages of a regency at a time, its code, and whether they are its last."""
    villages_ = life.population.by_village()
    codes = [life.population.villages[int(who[0])].code[:5] for who in villages_]
    for code, group in itertools.groupby(zip(codes, villages_, strict=True), key=lambda pair: pair[0]):
        mine = [who for _, who in group]
        for at in range(0, len(mine), VILLAGES_AT_ONCE):
            yield code, mine[at : at + VILLAGES_AT_ONCE], at + VILLAGES_AT_ONCE >= len(mine)
