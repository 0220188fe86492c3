"""The ids of a virtual device: its spool's, and one for each of its boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pantau_demo.fleet.dice import Dice

    Whole = NDArray[np.int64]

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
BOOT_BEFORE_S = 45
"""A device begins to measure so long after its boot, which is why the boot lies in the minute before."""
_BETWEEN_RECORDS_NS = 10**6


def spool_ids(dice: Dice, key: Whole, epoch_minute: int) -> list[str]:
    """Return devices' spool ids: a fleet that begins anew has new spools, as numbers are never used twice."""
    return [f"{one:016x}" for one in dice.bits("spool", key, epoch_minute).tolist()]


def boot_ids(dice: Dice, key: Whole, boot_minute: Whole) -> list[str]:
    """Return the ids of the boots after which devices first measured in these minutes, an entry each."""
    return [f"{one:016x}" for one in dice.bits("boot", key, boot_minute).tolist()]


def time_ns(minute: Whole, phase_s: Whole, ordinal: Whole) -> Whole:
    """Return when records of some minutes were measured."""
    return minute * MINUTE_NS + phase_s * SECOND_NS + ordinal * _BETWEEN_RECORDS_NS


def uptime_ns(minute: Whole, phase_s: Whole, ordinal: Whole, boot_minute: Whole) -> Whole:
    """Return how long the devices had been up then."""
    return time_ns(minute - boot_minute, phase_s, ordinal) + BOOT_BEFORE_S * SECOND_NS
