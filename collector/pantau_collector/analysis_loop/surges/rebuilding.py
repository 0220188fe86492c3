"""A regency's memory from what the store has: after a loss, and on the first day of all.

The four weeks come from five-minute rows, and from hourly ones where there are no others. A nation's would be
hundreds of millions of five-minute rows, so above some thousand villages only hourly ones are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.analysis.surge.history import LEAST_DAYS
from pantau_collector.analysis.surge.rules import BINS_PER_DAY
from pantau_collector.analysis_loop.surges import traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_collector.analysis_loop.surges.traffic import Traffic
    from pantau_collector.analysis_loop.surges.watch import Watch
    from pantau_collector.storage.base import Store

FEW_VILLAGES = 4000
"""Up to so many villages five-minute rows are read: some 8,000 rows each."""


def first_needed(bin_index: int) -> int:
    """Return the first bin of what is to be known before a bin: whole days in UTC."""
    return (bin_index // BINS_PER_DAY - LEAST_DAYS + 1) * BINS_PER_DAY


def rebuild(watch: Watch, store: Store, end_bin: int, *, by_hours: bool, breathe: Callable[[], None]) -> None:
    """Have a watch that has just begun remember what was before a bin."""
    for first_bin in range(watch.next_bin, end_bin, BINS_PER_DAY):
        last = min(first_bin + BINS_PER_DAY, end_bin)
        watch.remember(_read(store, watch.state.villages, first_bin, last, by_hours=by_hours))
        breathe()
    watch.remember_level()


def _read(store: Store, villages: Sequence[str], first_bin: int, end_bin: int, *, by_hours: bool) -> Traffic:
    hours = traffic.read(store, villages, first_bin, end_bin, window="1h")
    if by_hours:
        return hours
    return traffic.laid_over(hours, traffic.read(store, villages, first_bin, end_bin))
