"""How many different keys a device may use: each makes a series in a store, and those cost for ever.

A key is a kind with the values of its key fields, such as the name that was resolved. Counted anew each day
(UTC), so that a device may change its targets. Only registered devices are counted, eight bytes for a key.
"""

from __future__ import annotations

import functools
import operator
from array import array
from typing import TYPE_CHECKING

from pantau_wire import schema

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
        return [arrival for arrival in arrivals if not self._admit(known, arrival.record.data)]

    def _admit(self, known: array[int], measurement: Measurement) -> bool:
        # Python's hashes of texts are salted: nobody can choose names that collide.
        key = hash(_key_of(type(measurement))(measurement))
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


@functools.cache
def _key_of(measurement: type[Measurement]) -> Callable[[Measurement], object]:
    """Return what reads the key of a kind's measurements."""
    kind = str(measurement.__struct_config__.tag)
    names = schema.key_names(kind)
    if not names:
        return lambda _: kind
    read = operator.attrgetter(*names)
    return lambda found: (kind, read(found))
