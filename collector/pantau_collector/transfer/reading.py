"""Reads a selection out of a store, a slice of time after the other, so that little is held in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pantau_collector.storage.series import SERIES
from pantau_collector.transfer import tables
from pantau_collector.transfer.tables import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import Point, Store
    from pantau_collector.transfer.manifest import Selection
    from pantau_collector.transfer.tables import Table

_HOUR_NS = 3600 * 10**9
_LONGEST_NS = 30 * 24 * _HOUR_NS
_SHORTEST_NS = 60 * 10**9
_FEW, _MANY = 10_000, 50_000
_ROWS = 5000

Part = tuple[int | str, Iterator[list[Row]]]
"""How far a part goes (a time, or a device), and its rows."""


class Selected:
    """What a store holds of a selection."""

    def __init__(self, store: Store, selection: Selection, registry: Registry | None = None) -> None:
        """Read nothing yet. Villages are looked up in the registry."""
        self._store = store
        self._selection = selection
        self._registry = registry
        self._devices = _devices(selection, registry)

    def parts(self, table: Table, after: int | str | None) -> Iterator[Part]:
        """Yield the parts of a table that come after one, oldest first; all of them after None."""
        if table.content == "deliveries":
            return self._deliveries("" if after is None else str(after))
        span = self._store.span(table.name)
        if span is None:
            return iter(())
        since_ns = max(self._selection.since_ns, span[0], 0 if after is None else int(after))
        until_ns = min(self._selection.until_ns, span[1] + 1)
        read = self._points if table.content == "points" else self._rows
        return _sliced(lambda since, until: read(table, since, until), since_ns, until_ns)

    def _points(self, table: Table, since_ns: int, until_ns: int) -> Iterator[list[Row]]:
        points = self._store.window(table.name, since_ns, until_ns, self._devices)
        wanted = (tables.row_of_point(point) for point in points if self._is_wanted(point))
        while rows := list(itertools.islice(wanted, _ROWS)):
            yield rows

    def _rows(self, table: Table, since_ns: int, until_ns: int) -> Iterator[list[Row]]:
        where = self._where(table)
        if where is not None:
            found = self._store.series(table.name, since_ns=since_ns, until_ns=until_ns, where=where)
            yield [tables.row_of_series(table, row) for row in found]

    def _where(self, table: Table) -> dict[str, Sequence[str]] | None:
        """Return the condition of a series; None where nothing of it belongs to the selection."""
        selection, tags = self._selection, SERIES[table.name].tags
        if not (selection.devices or selection.villages):
            return {}
        if selection.villages and "village" in tags:
            return {"village": selection.villages}
        if "device" in tags and self._devices is not None:
            return {"device": self._devices}
        return None

    def _deliveries(self, after: str) -> Iterator[Part]:
        since_ns, until_ns = self._selection.since_ns, self._selection.until_ns
        devices = self._store.devices() if self._devices is None else self._devices
        for device in devices:
            if device > after:
                found = self._store.deliveries(device, since_ns)
                yield device, iter([[tables.row_of_delivery(one) for one in found if one.at_ns < until_ns]])

    def _is_wanted(self, point: Point) -> bool:
        villages = self._selection.villages
        if not villages or point.device in self._selection.devices:
            return True
        place = self._registry and self._registry.at(point.device, point.time_ns)
        return bool(place and place.village in villages)


def _devices(selection: Selection, registry: Registry | None) -> list[str] | None:
    """Return whose points are looked at, in order; None for everybody's."""
    if not (selection.devices or selection.villages):
        return None
    found = set(selection.devices)
    for village in selection.villages:
        found.update(registry.ever_in(village) if registry else ())
    return sorted(found)


def _sliced(read: Callable[[int, int], Iterator[list[Row]]], since_ns: int, until_ns: int) -> Iterator[Part]:
    """Yield slice after slice: longer ones where there is little in them, shorter where there is much."""
    width_ns = _HOUR_NS
    while since_ns < until_ns:
        end_ns = min(since_ns + width_ns, until_ns)
        count = _Counted(read(since_ns, end_ns))
        yield end_ns, count
        if count.rows < _FEW:
            width_ns = min(2 * width_ns, _LONGEST_NS)
        elif count.rows > _MANY:
            width_ns = max(width_ns // 2, _SHORTEST_NS)
        since_ns = end_ns


class _Counted:
    """Passes rows on, and knows how many there were."""

    def __init__(self, batches: Iterator[list[Row]]) -> None:
        self.rows = 0
        self._batches = batches

    def __iter__(self) -> Iterator[list[Row]]:
        return self

    def __next__(self) -> list[Row]:
        rows = next(self._batches)
        self.rows += len(rows)
        return rows
