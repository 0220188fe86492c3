"""One holder at a time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Store

LONG_S = 3600.0


def test_one_holds_it(store: Store):
    """Whoever has a lease keeps it by renewing; nobody else gets it, but other work is other work."""
    assert store.acquire_lease("analysis", "a", LONG_S)
    assert not store.acquire_lease("analysis", "b", LONG_S)
    assert store.acquire_lease("analysis", "a", LONG_S)
    assert not store.acquire_lease("analysis", "b", LONG_S)
    assert store.acquire_lease("it's 'other' work", "b", LONG_S)


def test_it_lapses(store: Store):
    """A lease that is not renewed goes to the next who asks, and the former holder is told."""
    short_s = 2.0
    assert store.acquire_lease("analysis", "a", short_s)
    deadline = time.monotonic() + 60
    began = time.monotonic()
    while not store.acquire_lease("analysis", "b", short_s):
        assert time.monotonic() < deadline
        began = time.monotonic()
        time.sleep(0.1)
    former = store.acquire_lease("analysis", "a", short_s)
    assert (
        not former or time.monotonic() - began >= short_s
    )  # or this machine stood still, and it lapsed again


def test_it_outlives_the_connection(reopen: Callable[[], Store]):
    """A holder that restarts under its name has its lease still."""
    assert reopen().acquire_lease("analysis", "a", LONG_S)
    store = reopen()
    assert not store.acquire_lease("analysis", "b", LONG_S)
    assert store.acquire_lease("analysis", "a", LONG_S)


def test_many_who_ask_at_once(store: Store):
    """Of several who ask at the same moment one gets it."""
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda at: store.acquire_lease("analysis", f"holder {at}", LONG_S), range(8)))
    assert got.count(True) == 1
    again = [store.acquire_lease("analysis", f"holder {at}", LONG_S) for at in range(8)]
    assert again == got
