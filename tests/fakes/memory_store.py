"""A store in memory: a peer for tests of what reads from a store."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage import derived
from pantau_collector.storage.base import DeviceActivity, Point, WriteReport
from pantau_wire.fields import KINDS
from pantau_wire.schema import columns, key_names, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pantau_collector.storage.base import Arrival, Batch, Delivery, Parcel, SeriesRow, Value


class MemoryStore:
    """Does what `pantau_collector.storage.base.Store` says, and forgets it with the process.

    Set `down` to have every method raise `StoreUnavailableError`.
    """

    def __init__(self) -> None:
        self.down = False
        self._lock = threading.Lock()
        self._points: dict[tuple[object, ...], Point] = {}
        self._deliveries: list[Delivery] = []
        self._rows: dict[tuple[object, ...], SeriesRow] = {}
        self._leases: dict[str, tuple[str, float]] = {}

    def make_ready(self, parcel: Parcel) -> None:
        """Want the records themselves."""

    def write(self, batch: Batch) -> WriteReport:
        self._answer()
        with self._lock:
            new, repeated, altered = 0, 0, []
            for arrival in batch.arrivals:
                point = _point(arrival)
                key = (point.device, point.kind, *_key(point), point.time_ns)
                known = self._points.setdefault(key, point)
                if known is point:
                    new += 1
                elif known.values == point.values:
                    repeated += 1
                else:
                    altered.append(arrival)
            self._deliveries += batch.deliveries
        return WriteReport(new, repeated, tuple(altered))

    def points(
        self,
        kind: str,
        device: str,
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        where: Mapping[str, Value] | None = None,
        newest: int | None = None,
    ) -> list[Point]:
        self._answer()
        with self._lock:
            found = [
                point
                for point in self._points.values()
                if (point.kind, point.device) == (kind, device)
                and since_ns <= point.time_ns
                and (until_ns is None or point.time_ns < until_ns)
                and all(point.values[name] == value for name, value in (where or {}).items())
            ]
        found.sort(key=lambda point: (point.time_ns, point.seq))
        return found if newest is None else found[len(found) - min(newest, len(found)) :]

    def window(
        self, kind: str, since_ns: int, until_ns: int, devices: Sequence[str] | None = None
    ) -> Iterator[Point]:
        for device in self.devices() if devices is None else devices:
            yield from self.points(kind, device, since_ns=since_ns, until_ns=until_ns)

    def write_series(self, rows: Sequence[SeriesRow]) -> None:
        self._answer()
        checked = derived.by_series(rows)
        with self._lock:
            for some in checked.values():
                self._rows |= {(row.series, row.tags, row.time_ns): row for row in some}

    def add_series(self, rows: Sequence[SeriesRow]) -> None:
        self._answer()
        self.write_series([row for row in rows if (row.series, row.tags, row.time_ns) not in self._rows])

    def erase_series(self, rows: Sequence[SeriesRow]) -> bool:
        self._answer()
        with self._lock:
            for row in rows:
                self._rows.pop((row.series, row.tags, row.time_ns), None)
        return True

    def series(
        self,
        name: str,
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
        newest: int | None = None,
    ) -> list[SeriesRow]:
        self._answer()
        series = derived.known(name)
        wanted = {series.tags.index(tag): texts for tag, texts in derived.conditions(series, where).items()}
        with self._lock:
            found = [
                row
                for row in self._rows.values()
                if row.series == name
                and since_ns <= row.time_ns
                and (until_ns is None or row.time_ns < until_ns)
                and all(row.tags[place] in texts for place, texts in wanted.items())
            ]
        found.sort(key=lambda row: (row.time_ns, row.tags))
        return found if newest is None else _last_of_each(found, newest)

    def series_columns(
        self,
        name: str,
        wanted: Sequence[str],
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
    ) -> dict[str, list[Any]]:
        tags = derived.known(name).tags
        found: dict[str, list[Any]] = {column: [] for column in derived.wanted(derived.known(name), wanted)}
        for row in self.series(name, since_ns=since_ns, until_ns=until_ns, where=where):
            values = {**dict(zip(tags, row.tags, strict=True)), "time_ns": row.time_ns, **row.values}
            for column, some in found.items():
                some.append(values.get(column))
        return found

    def acquire_lease(self, name: str, holder: str, valid_s: float) -> bool:
        self._answer()
        with self._lock:
            owner, until_s = self._leases.get(name, (holder, 0.0))
            if owner != holder and time.monotonic() < until_s:
                return False
            self._leases[name] = (holder, time.monotonic() + valid_s)
            return True

    def span(self, name: str) -> tuple[int, int] | None:
        self._answer()
        with self._lock:
            times = [point.time_ns for point in self._points.values() if point.kind == name]
            times += [row.time_ns for row in self._rows.values() if row.series == name]
            times += [one.at_ns for one in self._deliveries if name == "delivery"]
        return (min(times), max(times)) if times else None

    def devices(self) -> list[str]:
        self._answer()
        with self._lock:
            points = {point.device for point in self._points.values()}
            return sorted(points | {one.device for one in self._deliveries})

    def activity(self, device: str | None = None) -> list[DeviceActivity]:
        self._answer()
        with self._lock:
            mine: dict[str, list[Point]] = {}
            for point in self._points.values():
                if device in (None, point.device):
                    mine.setdefault(point.device, []).append(point)
        return [_activity(name, mine[name]) for name in sorted(mine)]

    def deliveries(self, device: str, since_ns: int = 0) -> list[Delivery]:
        self._answer()
        with self._lock:
            return [one for one in self._deliveries if one.device == device and one.at_ns >= since_ns]

    def stored_seqs(self, device: str, spool: str) -> list[tuple[int, int]]:
        self._answer()
        with self._lock:
            seqs = sorted(
                {
                    point.seq
                    for point in self._points.values()
                    if (point.device, point.spool) == (device, spool)
                }
            )
        merged: list[tuple[int, int]] = []
        for seq in seqs:
            if merged and merged[-1][1] == seq - 1:
                merged[-1] = (merged[-1][0], seq)
            else:
                merged.append((seq, seq))
        return merged

    def close(self) -> None:
        self.down = True

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailableError("the store is down")


def _last_of_each(rows: list[SeriesRow], newest: int) -> list[SeriesRow]:
    seen: Counter[tuple[str, ...]] = Counter()
    kept = []
    for row in reversed(rows):
        seen[row.tags] += 1
        kept += [row] if seen[row.tags] <= newest else []
    return kept[::-1]


def _point(arrival: Arrival) -> Point:
    record = arrival.record
    kind = kind_of(record.data)
    assert kind in KINDS
    values = {column.name: getattr(record.data, column.name) for column in columns(kind)}
    return Point(
        kind=kind,
        device=arrival.device,
        time_ns=record.time_ns,
        spool=arrival.spool,
        seq=record.seq,
        boot=arrival.boot,
        uptime_ns=record.uptime_ns,
        clock=record.clock,
        values=msgspec.to_builtins(values),
    )


def _key(point: Point) -> list[Value]:
    return [point.values[name] for name in key_names(point.kind)]


def _activity(device: str, points: list[Point]) -> DeviceActivity:
    times = [point.time_ns for point in points]
    kinds = sorted({point.kind for point in points})
    counts = {kind: sum(point.kind == kind for point in points) for kind in kinds}
    return DeviceActivity(device, min(times), max(times), counts)
