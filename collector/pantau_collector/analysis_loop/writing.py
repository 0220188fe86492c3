"""Puts recomputed rows in the place of what is stored: writes what differs, erases what is no longer so."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pantau_collector.analysis_loop.windows import Span
    from pantau_collector.storage.base import Store

    Change = tuple[SeriesRow | None, SeriesRow | None]
    """What stood there, and what will."""

_ROWS_AT_ONCE = 1000
_PAUSE_S = 0.005  # between transactions, so that who waits to store measurements comes in


def replace(
    store: Store,
    names: Iterable[str],
    span: Span,
    where: Mapping[str, Sequence[str]],
    rows: Sequence[SeriesRow],
    *,
    announce: Callable[[Iterable[Change]], None] | None = None,
) -> int:
    """Make `rows` the only ones of these series in a span under these tags; return how many were changed.

    A store that merges fields keeps those that a new row lacks: such rows are erased before. `announce` is
    told what will change, before anything does.
    """
    old = {
        _place(row): row
        for name in names
        for row in store.series(name, since_ns=span.since_ns, until_ns=span.until_ns, where=where)
    }
    new = {_place(row): row for row in rows}
    changed = [row for place, row in new.items() if old.get(place) != row]
    gone = [
        row
        for place, row in old.items()
        if place not in new or not row.values.keys() <= new[place].values.keys()
    ]
    if announce is not None and (changed or gone):
        places = {_place(row) for row in (*changed, *gone)}
        announce([(old.get(place), new.get(place)) for place in sorted(places)])
    if gone and not store.erase_series(gone):
        write(store, [_emptied(row) for row in gone if _place(row) not in new])
    write(store, changed)
    return len(changed) + sum(_place(row) not in new for row in gone)


def write(store: Store, rows: Sequence[SeriesRow]) -> None:
    """Write rows, some at a time."""
    for number, some in enumerate(_batches(rows)):
        if number:
            time.sleep(_PAUSE_S)
        store.write_series(some)


def _batches(rows: Sequence[SeriesRow]) -> Iterator[list[SeriesRow]]:
    remaining = iter(rows)
    while some := list(itertools.islice(remaining, _ROWS_AT_ONCE)):
        yield some


def _emptied(row: SeriesRow) -> SeriesRow:
    """Return a row that says that there is nothing: its series' first column counts what it is made of.

    Where that is a text, an empty one.
    """
    first = SERIES[row.series].columns[0]
    nothing: int | str = "" if first.type == "text" else 0
    return SeriesRow(row.series, row.tags, row.time_ns, {first.name: nothing})


def _place(row: SeriesRow) -> tuple[str, tuple[str, ...], int]:
    return row.series, row.tags, row.time_ns
