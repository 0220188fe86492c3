"""What can be seen of a life from outside: boots, numbers, clocks, and the state of each minute.

The rules are those of docs/sla.md, told once more: what a gap was is known from what comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantau_demo.fleet.life import Block, Life
    from pantau_demo.fleet.population import Population

    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    States = NDArray[np.uint8]

Kind = TypeVar("Kind", bound=np.generic)
STATES = ("up", "link_down", "local_fault", "power_off", "agent_down", "off_site", "unknown")
UP, LINK_DOWN, LOCAL_FAULT, POWER_OFF, AGENT_DOWN, _, UNKNOWN = range(len(STATES))
_BRIDGED_MINUTES = 2
_SYNC_MINUTES = 2
_NEVER = -1
_RUNNING_MINUTES = 5
_AT_ONCE = 5000


@dataclass(slots=True)
class Standing:
    """Where each device of a population stands: what the next minute goes on from."""

    next_seq: Whole
    measured_minute: Whole
    off_minute: Whole
    boot_minute: Whole
    synced_minute: Whole

    @classmethod
    def new(cls, count: int) -> Standing:
        """Return the standing of devices that have never run."""
        never = np.full(count, _NEVER, dtype=np.int64)
        return cls(np.ones(count, dtype=np.int64), never, never.copy(), never.copy(), never.copy())


@dataclass(frozen=True, slots=True)
class Track:
    """What goes with a block, devices by minutes: first number, boot (by its minute), clock known or not."""

    first_seq: Whole
    record_count: Whole
    boot_minute: Whole
    synced: Flags


def follow(block: Block, population: Population, standing: Standing) -> Track:
    """Return the track of a block that follows on what `standing` knows, and bring that up to date."""
    who, minute, measuring = block.who, block.minute, block.measuring
    measured = _latest(measuring, minute, standing.measured_minute[who])
    before = np.concatenate([standing.measured_minute[who][:, None], measured[:, :-1]], axis=1)
    off = _latest(~block.powered, minute, standing.off_minute[who])
    booted = measuring & ((off > before) | (before == _NEVER))
    boot = _latest(booted, minute, standing.boot_minute[who])
    heard = measuring & block.online & (minute >= boot + _SYNC_MINUTES)
    synced = _latest(heard, minute, standing.synced_minute[who])
    count = sum((flags.astype(np.int64) for flags in block.due.values()), np.zeros_like(measured))
    after = np.cumsum(count, axis=1) + standing.next_seq[who][:, None]
    standing.measured_minute[who], standing.off_minute[who] = measured[:, -1], off[:, -1]
    standing.boot_minute[who], standing.synced_minute[who] = boot[:, -1], synced[:, -1]
    standing.next_seq[who] = after[:, -1]
    battery = population.clock_battery[who][:, None]
    return Track(after - count, count, boot, battery | (synced >= boot))


def running(life: Life, minute: int) -> Standing:
    """Return the standing of a fleet that has run for a while and has kept nothing: it numbers from 1."""
    count = len(life.population)
    standing = Standing.new(count)
    for first in range(0, count, _AT_ONCE):
        who = np.arange(first, min(first + _AT_ONCE, count))
        block = life.block(who, minute - _RUNNING_MINUTES, _RUNNING_MINUTES)
        follow(block, life.population, standing)
    standing.next_seq[:] = 1
    return standing


def states(block: Block, track: Track) -> States:
    """Return the state of each device's minutes, as the rules tell it from what the device sent."""
    seen = np.where(block.gateway_answers, np.where(block.line_up, UP, LINK_DOWN), LOCAL_FAULT)
    kept, place = block.kept, np.arange(len(block.minute))
    before = np.maximum.accumulate(np.where(kept, place, -1), axis=1)
    after = np.minimum.accumulate(np.where(kept, place, len(place))[:, ::-1], axis=1)[:, ::-1]
    inside = (before >= 0) & (after < len(place))
    low, high = np.where(inside, before, 0), np.where(inside, after, 0)
    lost = np.cumsum(block.measuring & ~kept, axis=1)
    contiguous = _at(lost, low) == _at(lost, high)
    same_boot = _at(track.boot_minute, low) == _at(track.boot_minute, high)
    bridged = same_boot & (high - low - 1 <= _BRIDGED_MINUTES)
    rules = [kept, ~inside, bridged, ~contiguous, same_boot]
    told = (seen, UNKNOWN, _at(seen, low), UNKNOWN, AGENT_DOWN)
    found = [np.broadcast_to(np.asarray(one, dtype=np.uint8), kept.shape) for one in told]
    selected: States = np.select(rules, found, default=np.uint8(POWER_OFF))
    return selected


def clocks(block: Block, track: Track) -> NDArray[np.object_]:
    """Return the clock of each minute's records: known at once, repaired later, or never known."""
    known = block.measuring & track.synced
    place = np.arange(len(block.minute))
    after = np.minimum.accumulate(np.where(known, place, len(place))[:, ::-1], axis=1)[:, ::-1]
    there = after < len(place)
    same = _at(track.boot_minute, np.where(there, after, 0)) == track.boot_minute
    return np.where(known, "synced", np.where(~there | same, "repaired", "estimated")).astype(object)


def _latest(flags: Flags, minute: Whole, so_far: Whole) -> Whole:
    """Return the latest minute, up to each one, at which a flag was set."""
    found = np.maximum(np.where(flags, minute, _NEVER), so_far[:, None])
    latest: Whole = np.maximum.accumulate(found, axis=1)
    return latest


def _at(values: NDArray[Kind], place: Whole) -> NDArray[Kind]:
    return np.take_along_axis(values, place, axis=1)
