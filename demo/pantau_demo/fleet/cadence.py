"""When a device measures what: each kind has a period in minutes, speed tests have their times of day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.population import Population

    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_DAY = 1440
_HOME_TIMES = ((1140, 1200), (1200, 1260), (1260, 1320), (60, 420), (420, 780), (780, 1140))
_OFFICE_TIMES = ((480, 600), (600, 750), (750, 900), (60, 480), (900, 1200), (1200, 1440))


@dataclass(frozen=True, slots=True)
class Cadence:
    """Periods in minutes, 0 for never; probes for each measurement of delay. As the agent's presets are."""

    name: str
    periods: dict[str, int]
    probes: int


# What is measured, in the order in which a minute's records are numbered.
STANDARD = Cadence(
    "standard",
    {"traffic": 1, "gateway": 1, "testpoint": 1, "internet": 1, "link": 1, "device": 1, "dns": 5, "http": 5},
    20,
)
METERED = Cadence(
    "metered",
    {"traffic": 1, "gateway": 1, "testpoint": 1, "internet": 0, "link": 5, "device": 15, "dns": 0, "http": 0},
    5,
)
CADENCES = {one.name: one for one in (STANDARD, METERED)}
SPEED = "speed"


def due(
    cadence: Cadence, dice: Dice, population: Population, *, who: Whole, minute: Whole, measuring: Flags
) -> dict[str, Flags]:
    """Return what is measured when, by what: devices by minutes. A test takes a look at the link with it."""
    tested = measuring & _tests(dice, population, who, minute)
    found: dict[str, Flags] = {}
    for what, period in cadence.periods.items():
        if period == 1:
            found[what] = measuring
        elif period:
            turn = (minute + population.key[who][:, None]) % period == 0
            found[what] = measuring & (turn | tested if what == "link" else turn)
    return {**found, SPEED: tested}


def _tests(dice: Dice, population: Population, who: Whole, minute: Whole) -> Flags:
    """Return in which minutes a speed test begins: at one random minute of each time of day."""
    key = population.key[who][:, None]
    local = minute + population.utc_offset_minutes[who][:, None]
    days = np.arange(int(local.min()) // _DAY, int(local.max()) // _DAY + 1)
    place, of_day = local // _DAY - days[0], local % _DAY
    made_share = population.character("tests_share")[who][:, None]
    office = np.array([population.technologies[at].profile == "kantor" for at in who.tolist()])[:, None]
    found = np.zeros(local.shape, dtype=bool)
    for slot, (home, at_work) in enumerate(zip(_HOME_TIMES, _OFFICE_TIMES, strict=True)):
        first, end = (np.where(office, two, one) for one, two in zip(home, at_work, strict=True))
        at = (first + (end - first) * dice.uniform("test at", key, days, slot)).astype(np.int64)
        at = np.where(dice.uniform("test made", key, days, slot) < made_share, at, -1)
        found |= np.take_along_axis(at, place, axis=1) == of_day
    return found
