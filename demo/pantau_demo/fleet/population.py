"""Who the devices are: what each has for ever, as arrays with an entry a device."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.errors import DemoError
from pantau_demo.fleet.characters import CHARACTERS
from pantau_demo.fleet.technologies import FIBRE, MOBILE, OFFICE, SATELLITE, TECHNOLOGIES, region_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantau_demo.fleet.characters import Character
    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.places import Village
    from pantau_demo.fleet.technologies import Technology

    Whole = NDArray[np.int64]
    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]

MOST_IN_A_VILLAGE = 3
_SHARES = (0.87, 0.97)  # of villages with one device, with at most two
_LATE_SHARE = 0.03
_BATTERY_SHARE = 0.6
_OFFICE_SHARE = 0.06
_LATE_DAYS = 25
_HEADER = ("device", "village", "since", "provider", "technology", "profile", "traffic_source", "state")


@dataclass(frozen=True, slots=True)
class Population:
    """Devices, those of a village one after the other. `key` and `village_key` are what chance goes by."""

    names: list[str]
    villages: list[Village]
    """Each device's."""
    technologies: list[Technology]
    characters: list[Character]
    key: Whole
    village_key: Whole
    district_key: Whole
    regency_key: Whole
    number: Whole
    """0 for the village's first device, whose counters are the village's traffic."""
    since_minute: Whole
    """From when on it measures (minutes since 1970)."""
    utc_offset_minutes: Whole
    clock_battery: Flags
    phase_s: Whole
    """In which second of the minute it measures."""

    def __len__(self) -> int:
        return len(self.names)

    def of(self, attribute: str) -> Numbers:
        """Return a number of each device's technology, such as `rtd_ms`."""
        table = {id(one): float(getattr(one, attribute)) for one in TECHNOLOGIES}
        return np.array([table[id(one)] for one in self.technologies])

    def character(self, attribute: str) -> Numbers:
        """Return a number of each device's character, such as `load`."""
        table = {id(one): float(getattr(one, attribute)) for one in CHARACTERS}
        return np.array([table[id(one)] for one in self.characters])

    def region(self, attribute: str) -> Numbers:
        """Return a number of the region that each device stands in."""
        return np.array([getattr(region_of(village.code), attribute) for village in self.villages])

    def by_village(self) -> list[Whole]:
        """Return the devices of each village, in order of the villages."""
        starts = np.flatnonzero(self.number == 0)
        return np.split(np.arange(len(self)), starts[1:])


def populate(dice: Dice, found: Sequence[Village], epoch_minute: int, count: int | None = None) -> Population:
    """Return devices for villages: so many over all of them, or one to three in each; raises `DemoError`."""
    village_keys = _keys([village.code for village in found])
    sizes = _sizes(dice, village_keys, count)
    place = np.repeat(np.arange(len(found)), sizes)
    starts = np.cumsum(sizes) - sizes
    number = np.arange(len(place)) - np.repeat(starts, sizes)
    villages = [found[at] for at in place.tolist()]
    village_key = village_keys[place]
    key = village_key * (MOST_IN_A_VILLAGE + 1) + number
    late = dice.uniform("late", village_key) < _LATE_SHARE
    late_minute = (dice.uniform("late day", village_key) * _LATE_DAYS).astype(np.int64) * 1440 + 600
    return Population(
        names=[
            f"desa-{village.code.replace('.', '')}-{at + 1}"
            for village, at in zip(villages, number.tolist(), strict=True)
        ],
        villages=villages,
        technologies=_technologies(dice, villages, village_key),
        characters=_characters(dice, village_key),
        key=key,
        village_key=village_key,
        district_key=_keys([village.code[:8] for village in villages]),
        regency_key=_keys([village.code[:5] for village in villages]),
        number=number,
        since_minute=epoch_minute + np.where(late, late_minute, 0),
        utc_offset_minutes=np.array([village.utc_offset_minutes for village in villages], dtype=np.int64),
        clock_battery=dice.uniform("battery", key) < _BATTERY_SHARE,
        phase_s=(dice.uniform("phase", key) * 55).astype(np.int64),
    )


def registry_csv(
    population: Population, others: Sequence[tuple[str, str]] = (), since_minute: int = 0
) -> str:
    """Return the registry of these devices, and of others (name, village), as `pantau-collector` reads it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for at, name in enumerate(population.names):
        technology = population.technologies[at]
        source = "no" if population.number[at] else "yes"
        terms = (technology.provider, technology.name, technology.profile)
        since = _instant(int(population.since_minute[at]))
        writer.writerow((name, population.villages[at].code, since, *terms, source, "active"))
    writer.writerows(
        (name, village, _instant(since_minute), "", "", "", "no", "active") for name, village in others
    )
    return text.getvalue()


def _instant(minute: int) -> str:
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC).isoformat()


def _keys(codes: Sequence[str]) -> Whole:
    return np.array([int(code.replace(".", "")) for code in codes], dtype=np.int64)


def _sizes(dice: Dice, village_keys: Whole, count: int | None) -> Whole:
    if count is None:
        chance = dice.uniform("size", village_keys)
        return 1 + np.searchsorted(_SHARES, chance, side="right").astype(np.int64)
    most = len(village_keys) * MOST_IN_A_VILLAGE
    if not 0 < count <= most:
        raise DemoError(
            f"{count} devices do not fit: {len(village_keys)} villages take 1 to {most} (three each)"
        )
    places = np.arange(count) if count >= len(village_keys) else np.arange(count) * len(village_keys) // count
    return np.bincount(places % len(village_keys), minlength=len(village_keys))


def _technologies(dice: Dice, villages: Sequence[Village], village_key: Whole) -> list[Technology]:
    chance, office = dice.uniform("technology", village_key), dice.uniform("office", village_key)
    found = []
    for village, one, two in zip(villages, chance.tolist(), office.tolist(), strict=True):
        region = region_of(village.code)
        if one < region.fibre_share:
            found.append(OFFICE if two < _OFFICE_SHARE else FIBRE)
        else:
            found.append(MOBILE if one < region.fibre_share + region.mobile_share else SATELLITE)
    return found


def _characters(dice: Dice, village_key: Whole) -> list[Character]:
    bounds = np.cumsum([one.share for one in CHARACTERS])
    places = np.searchsorted(bounds, dice.uniform("character", village_key) * bounds[-1], side="right")
    return [CHARACTERS[at] for at in places.tolist()]
