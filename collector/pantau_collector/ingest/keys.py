"""How many different keys a device may use: each makes a series in a store, and those cost for ever.

A key is a kind with the values of its key fields, such as the name that was resolved. Counted anew each day
(UTC), so that a device may change its targets. Only registered devices are counted, eight bytes for a key.
"""

from __future__ import annotations

import operator
from array import array
from typing import TYPE_CHECKING

from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_collector.storage.base import Arrival
    from pantau_wire.fields import Measurement

_DAY_NS = 86_400 * 1_000_000_000


class KeyCounter:
    """Remembers the keys of a day."""

    def __init__(self, max_keys: int) -> None:
        """Begin with none."""
        self._max_keys = max_keys
        self._day = 0
        self._known: dict[str, array[int]] = {}

    def excess(self, device: str, arrivals: Sequence[Arrival], now_ns: int) -> list[Arrival]:
        """Return those of a device's arrivals that would be one key too many."""
        self._begin_day(now_ns // _DAY_NS)
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = array("q")
        keys = [_key_of(measurement) for measurement in map(_measurement, arrivals)]
        if all(map(known.__contains__, keys)):  # nearly always
            return []
        return [arrival for key, arrival in zip(keys, arrivals, strict=True) if not self._admits(known, key)]

    def _admits(self, known: array[int], key: int) -> bool:
        if key in known:
            return True
        if len(known) >= self._max_keys:
            return False
        known.append(key)
        return True

    def _begin_day(self, day: int) -> None:
        if day != self._day:
            self._day = day
            self._known.clear()


def _key_of(measurement: Measurement) -> int:
    # Python's hashes of texts are salted: nobody can choose names that collide.
    return hash(_READERS[type(measurement)](measurement))


def _reader(kind: str) -> Callable[[Measurement], object]:
    """Return what reads a kind's key: its class, and the values of its key fields."""
    return operator.attrgetter("__class__", *schema.key_names(kind))


_measurement = operator.attrgetter("record.data")
_READERS = {measurement: _reader(kind) for kind, measurement in KINDS.items()}
