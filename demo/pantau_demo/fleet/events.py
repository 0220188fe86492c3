"""What happens to devices and lines: power cuts, outages, stopped agents, bursts. A table of descriptions.

Time is cut into slots; in each slot of each key (a device, a village, a district) an event begins with some
chance, at some minute, and lasts for a log-normal time of a slot at most. So whether one is on at a minute
follows from that minute's slot and the one before it, and nothing has to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.population import Population

    Whole = NDArray[np.int64]
    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]

Whose = Literal["key", "village_key", "district_key", "regency_key"]
_DAY = 1440


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event: whose it is, how often, how long. Factors are columns, an entry a device."""

    name: str
    whose: Whose
    per_slot: float | Numbers
    median_minutes: float | Numbers
    spread: float = 0.7
    least_minutes: int = 1
    slot_minutes: int = _DAY


@dataclass(frozen=True, slots=True)
class Events:
    """The kinds of events that a population lives through."""

    power: tuple[Kind, ...]
    line: tuple[Kind, ...]
    agent: tuple[Kind, ...]
    card: tuple[Kind, ...]
    local: tuple[Kind, ...]
    burst: tuple[Kind, ...]


def events_of(population: Population) -> Events:
    """Return the table for a population."""
    cuts = population.region("power_cuts_per_day")
    cut_minutes = population.region("power_cut_minutes")
    outages = population.of("outages_per_day") * population.character("outage_factor")
    outage_minutes = population.of("outage_minutes") * population.character("outage_minutes_factor")
    stops = population.character("agent_stops_per_day")
    faults = population.character("card_faults_per_day")
    return Events(
        power=(
            Kind("power cut, district", "district_key", 0.6 * cuts, cut_minutes),
            Kind("power cut, village", "village_key", 0.4 * cuts, 0.6 * cut_minutes),
            Kind("restart", "key", 0.9, 2.0, 0.2, slot_minutes=14 * _DAY),
        ),
        line=(
            Kind("outage", "village_key", outages, outage_minutes, 1.0),
            Kind("outage of the provider", "regency_key", 0.012, 35.0),
            Kind("days without a line", "village_key", 0.02, 1.4 * _DAY, 0.4, _DAY, slot_minutes=20 * _DAY),
        ),
        agent=(Kind("agent stopped", "key", stops, 150.0, 0.6, least_minutes=3),),
        card=(Kind("card at fault", "key", faults, 60.0, least_minutes=3),),
        local=(Kind("gateway silent", "key", 0.02, 15.0),),
        burst=(Kind("burst", "village_key", 0.25, 8.0, 0.6),),
    )


def happening(
    kinds: tuple[Kind, ...], dice: Dice, population: Population, who: Whole, minute: Whole
) -> Flags:
    """Return whether any event of these kinds is on: devices (rows) by consecutive minutes (columns)."""
    found = np.zeros((len(who), len(minute)), dtype=bool)
    for kind in kinds:
        key = getattr(population, kind.whose)[who][:, None]
        first = int(minute[0]) // kind.slot_minutes - 1
        slots = np.arange(first, int(minute[-1]) // kind.slot_minutes + 1)
        begin, end = _spans(kind, dice, who, key, slots)
        place = minute // kind.slot_minutes - first
        for back in (0, 1):
            at = place - back
            found |= (minute >= begin[:, at]) & (minute < end[:, at])
    return found


def _spans(kind: Kind, dice: Dice, who: Whole, key: Whole, slots: Whole) -> tuple[Whole, Whole]:
    """Return the first minute of each slot's event, and the one after it; equal where there is none."""
    begin = (slots + dice.uniform(f"{kind.name}: when", key, slots)) * kind.slot_minutes
    length = _column(kind.median_minutes, who) * np.exp(
        kind.spread * dice.normal(f"{kind.name}: how long", key, slots)
    )
    length = np.clip(length, kind.least_minutes, kind.slot_minutes)
    there = dice.uniform(f"{kind.name}: whether", key, slots) < _column(kind.per_slot, who)
    start = begin.astype(np.int64)
    return start, start + np.where(there, np.ceil(length), 0).astype(np.int64)


def _column(value: float | Numbers, who: Whole) -> float | Numbers:
    return value[who][:, None] if isinstance(value, np.ndarray) else value
