"""What many viewers ask for at the same time: read once in a while, so that many cost what one does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Found = TypeVar("_Found")


class Shared(Generic[_Found]):
    """What `read` returns, at most `life_ns` old by the clock given. Thread-safe; raises what `read` does."""

    def __init__(self, read: Callable[[], _Found], life_ns: int, clock_ns: Callable[[], int]) -> None:
        """Read nothing yet."""
        self._read, self._life_ns, self._clock_ns = read, life_ns, clock_ns
        self._lock = threading.Lock()
        self._kept: tuple[int, _Found] | None = None

    def get(self) -> _Found:
        """Return it; a clock that went back makes it anew."""
        with self._lock:
            now_ns = self._clock_ns()
            if self._kept is None or not 0 <= now_ns - self._kept[0] < self._life_ns:
                self._kept = now_ns, self._read()
            return self._kept[1]
