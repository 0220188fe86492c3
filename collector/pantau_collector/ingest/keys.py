"""How many different keys a device may use: each makes a series in a store, and those cost for ever.

A key is a kind with the values of its key fields, such as the name that was resolved. Kinds whose keys are
words of ours are not counted: nobody can invent one. Counted anew each day (UTC), so that a device may change
its targets. Only registered devices are counted, eight bytes for a key.
"""

from __future__ import annotations

import operator
from array import array
from typing import TYPE_CHECKING

from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_wire.envelope import Record
    from pantau_wire.fields import Measurement

_DAY_NS = 86_400 * 1_000_000_000


class KeyCounter:
    """Remembers the keys of a day."""

    def __init__(self, max_keys: int) -> None:
        """Begin with none."""
        self._max_keys = max_keys
        self._day = 0
        self._known: dict[str, array[int]] = {}

    def excess(self, device: str, records: Sequence[Record], now_ns: int) -> list[Record]:
        """Return those of a device's records that would be one key too many."""
        self._begin_day(now_ns // _DAY_NS)
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = array("q")
        for key in map(_key_of, map(_measurement, records)):
            if key is not None and key not in known:
                return [record for record in records if not self._admits(known, _key_of(record.data))]
        return []  # nearly always

    def _admits(self, known: array[int], key: int | None) -> bool:
        if key is None or key in known:
            return True
        if len(known) >= self._max_keys:
            return False
        known.append(key)
        return True

    def _begin_day(self, day: int) -> None:
        if day != self._day:
            self._day = day
            self._known.clear()


def _key_of(measurement: Measurement) -> int | None:
    """Return a number for the key, None where it cannot be invented."""
    read = _READERS.get(type(measurement))
    # Python's hashes of texts are salted: nobody can choose names that collide.
    return None if read is None else hash(read(measurement))


def _reader(kind: str) -> Callable[[Measurement], object]:
    """Return what reads a kind's key: its class, and the values of its key fields."""
    return operator.attrgetter("__class__", *schema.key_names(kind))


_measurement = operator.attrgetter("data")
_READERS = {measurement: _reader(kind) for kind, measurement in KINDS.items() if schema.has_free_keys(kind)}
