"""How often somebody may ask: token buckets, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_KEYS = 10_000


class Buckets:
    """One bucket per key. Thread-safe.

    A bucket begins with `capacity` tokens and gets `per_s` a second. Of more than `MAX_KEYS` keys
    the one that was unused for longest is forgotten.
    """

    def __init__(self, capacity: float, per_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._per_s = per_s
        self._clock_s = clock_s
        self._kept: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> float:
        """Take a token and return 0, or take none and return how long to wait for one, in seconds."""
        with self._lock:
            now = self._clock_s()
            tokens, since = self._kept.pop(key, (self._capacity, now))
            tokens = min(self._capacity, tokens + (now - since) * self._per_s)
            taken = tokens >= 1
            self._kept[key] = (tokens - 1 if taken else tokens, now)
            if len(self._kept) > MAX_KEYS:
                self._kept.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._per_s

    def forget(self, key: Hashable) -> None:
        """Begin anew with this key."""
        with self._lock:
            self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)


class Attempts:
    """Throttles guesses: few from one address at one account, more from an address, more at an account.

    The last one bounds what many addresses try together; the price is that they can keep somebody waiting.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._pairs = Buckets(5, 1 / 30, clock_s)
        self._addresses = Buckets(20, 1 / 10, clock_s)
        self._accounts = Buckets(50, 1 / 10, clock_s)

    def take(self, address: str, account: str) -> float:
        """Return 0 where another guess is allowed, else how long to wait, in seconds."""
        return (
            self._addresses.take(address)
            or self._pairs.take((address, account))
            or self._accounts.take(account)
        )

    def succeeded(self, address: str, account: str) -> None:
        """Forget the wrong guesses of somebody who knew the password in the end."""
        self._pairs.forget((address, account))
