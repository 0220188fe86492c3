"""A table that strangers may fill: bounded in entries, and entries expire."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedTable(Generic[Key, Value]):
    """Values by key; the least recently used goes first once there are `max_entries`.

    An entry that was not used for `idle_s` seconds is forgotten. Times are seconds of any
    monotonic clock. Every operation takes constant time.
    """

    def __init__(self, *, max_entries: int, idle_s: float, make: Callable[[], Value]) -> None:
        self._max_entries = max_entries
        self._idle_s = idle_s
        self._make = make
        self._entries: OrderedDict[Key, tuple[Value, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def use(self, key: Key, now: float) -> Value:
        """Return the value of `key`, made anew if it is unknown, expired or was pushed out."""
        value, used_at = self._entries.pop(key, (None, now))
        if value is None or now - used_at > self._idle_s:
            self._make_room(now)
            value = self._make()
        self._entries[key] = (value, now)
        return value

    def _make_room(self, now: float) -> None:
        """Drop the oldest if the table is full, and at most one more that has expired."""
        if len(self._entries) >= self._max_entries:
            self._entries.popitem(last=False)
        if self._entries:
            oldest = next(iter(self._entries))
            if now - self._entries[oldest][1] > self._idle_s:
                del self._entries[oldest]
