"""Notices that one device runs on two machines at once: a copied card, or a certificate that was handed on.

A machine that was started anew does not go on with the boot before, so two boots of one device never last at
the same time. A boot lasts from when it began (a record's time minus its time since boot) to its last record.
What comes late comes with the time that it always had: a backlog raises no alarm, and the order of arrival
does not matter.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantau_wire.envelope import Record

MAX_DEVICES = 250_000
_BOOTS_KEPT = 3
_TOLERANCE_NS = 600 * 1_000_000_000  # clocks are stepped; a repaired time is as good as what it rests on
_GUESSED = ("estimated", "unsynced")


@dataclass(slots=True)
class Boot:
    """A boot of a device: when it began and when it last measured (ns since 1970), and in which spool."""

    boot: str
    spool: str
    began_ns: int
    last_ns: int


class BootWatch:
    """Remembers the latest boots of each device, in memory that is bounded."""

    def __init__(self, max_devices: int = MAX_DEVICES) -> None:
        """Begin with none."""
        self._max_devices = max_devices
        self._devices: dict[str, list[Boot]] = {}

    def __len__(self) -> int:
        """Return how many devices are remembered."""
        return len(self._devices)

    def at_once(self, device: str, spool: str, boot: str, record: Record) -> tuple[Boot, Boot] | None:
        """Take the last record of an envelope; return two boots that ran at once, if there are."""
        if record.clock in _GUESSED:
            return None
        boots = self._devices.get(device) or self._begin(device)
        for known in boots:
            if known.boot == boot:
                known.last_ns = max(known.last_ns, record.time_ns)
                known.spool = spool
                break
        else:
            _add(boots, Boot(boot, spool, record.time_ns - record.uptime_ns, record.time_ns))
        return _overlap(boots) if len(boots) > 1 else None

    def _begin(self, device: str) -> list[Boot]:
        if len(self._devices) >= self._max_devices:
            del self._devices[next(iter(self._devices))]
        return self._devices.setdefault(device, [])


def _add(boots: list[Boot], found: Boot) -> None:
    boots.append(found)
    boots.sort(key=lambda one: one.began_ns)
    del boots[:-_BOOTS_KEPT]


def _overlap(boots: list[Boot]) -> tuple[Boot, Boot] | None:
    for one, other in itertools.combinations(boots, 2):
        together_ns = min(one.last_ns, other.last_ns) - max(one.began_ns, other.began_ns)
        if together_ns > _TOLERANCE_NS:
            return one, other
    return None
