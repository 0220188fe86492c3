"""Take over rollups that were imported: the analysis goes on where they end, and computes none again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.analysis_loop.cursors import Cursors, Placements
from pantau_collector.analysis_loop.places import Places
from pantau_collector.analysis_loop.windows import WINDOWS, floor_ns, length_ns, offset_ns
from pantau_collector.errors import AnalysisError
from pantau_collector.storage.series import rollup_name

if TYPE_CHECKING:
    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import Store
    from pantau_collector.storage.series import Window

_FINEST: Window = "5m"


def adopt(store: Store, registry: Registry, book: ProfileBook) -> int:
    """Return up to when (ns since 1970) the store's rollups stand for themselves from now on.

    That is the end of its last five-minute row. Raises `AnalysisError` where there is none, or where an
    analysis has begun already, and `StoreUnavailableError`.
    """
    cursors, placements, places = Cursors(store), Placements(store), Places(registry, book)
    if cursors.get(_FINEST) is not None:
        raise AnalysisError(
            "an analysis has begun in this store already: it goes on by itself, nothing is to be adopted"
        )
    spans = [span for window in WINDOWS if (span := store.span(rollup_name("village", window))) is not None]
    last = store.span(rollup_name("village", _FINEST))
    if last is None:
        raise AnalysisError("the store has no row of village_5m: import the rollups first, then adopt them")
    until_ns = last[1] + length_ns(_FINEST)
    placements.remember(placements.moved(places)[1])
    for regency in places.regencies:
        for window in ("1h", "1d"):
            cursors.set(f"{window} {regency}", floor_ns(until_ns, window, offset_ns(regency)))
    cursors.set("late", until_ns)
    cursors.set("begun", min(span[0] for span in spans))
    cursors.set(_FINEST, until_ns)  # last: whoever is killed before it begins anew
    return until_ns
