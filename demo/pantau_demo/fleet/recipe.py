"""What a fleet is made from, and where it was left: a file from which it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pantau_demo.errors import DemoError
from pantau_demo.fleet import places
from pantau_demo.fleet.cadence import CADENCES
from pantau_demo.fleet.dice import Dice
from pantau_demo.fleet.life import Life
from pantau_demo.fleet.population import populate
from pantau_demo.fleet.surges import Surge
from pantau_demo.fleet.watching import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pantau_demo.fleet.places import Village

_DAY = 1440
LIVED_DAYS = 60
"""How long a fleet without a history has lived already: growth and enrolment lie behind it."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """The same recipe makes the same lives. `devices`: None for one to three in each village."""

    area: str
    devices: int | None
    seed: int
    cadence: str
    epoch_minute: int
    surges: tuple[Surge, ...] = ()


class Left(msgspec.Struct, frozen=True):
    """Where a history ended, and where each device stood then."""

    recipe: Recipe
    minute: int
    standing: list[list[int]]


def now_minute() -> int:
    """Return the present minute (since 1970)."""
    return int(time.time() // 60)


def midnight_before(minute: int, utc_offset_minutes: int, days: int) -> int:
    """Return the local midnight so many days before that with which a minute's day began."""
    return (minute + utc_offset_minutes) // _DAY * _DAY - utc_offset_minutes - days * _DAY


def live(recipe: Recipe, found: Sequence[Village]) -> Life:
    """Return the life that a recipe means in these villages; raises `DemoError`."""
    dice = Dice(recipe.seed)
    population = populate(dice, found, recipe.epoch_minute, recipe.devices)
    known = {village.code for village in population.villages}
    for surge in recipe.surges:
        if surge.village not in known:
            near = f"{found[0].code} ({found[0].name})"
            raise DemoError(
                f"--surge: no village of this fleet has the code {surge.village}; one that has is {near}"
            )
    return Life(dice, population, recipe.epoch_minute, CADENCES[recipe.cadence], recipe.surges)


def villages(area: str) -> list[Village]:
    """Return an area's villages; raises `DemoError` where it has none."""
    found = places.villages(area)
    if not found:
        raise DemoError(f"{area} has no villages: give the code or name of an area that has")
    return found


def leave(file: Path, recipe: Recipe, minute: int, standing: Standing) -> None:
    """Write where a fleet was left; the file is there whole or not at all."""
    columns = [getattr(standing, name) for name in Standing.__slots__]
    left = Left(recipe, minute, np.stack(columns, axis=1).tolist())
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(left))
    new.replace(file)


def find(file: Path) -> tuple[Left, Standing]:
    """Return where a fleet was left; raises `DemoError` for a file that does not say so."""
    try:
        left = msgspec.json.decode(file.read_bytes(), type=Left)
    except OSError as error:
        raise DemoError(f"cannot read {file}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise DemoError(f"{file} does not say where a fleet was left: {error}") from None
    columns = np.array(left.standing, dtype=np.int64).reshape(-1, len(Standing.__slots__)).T
    return left, Standing(*(column.copy() for column in columns))
