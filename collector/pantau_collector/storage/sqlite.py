"""The embedded store: one SQLite file with `synchronous=FULL`, for the demo and for one regency.

One connection writes; readers have their own, so that the portal never waits for a write.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage import derived, lease, seriestables, sqlitefile, tables
from pantau_collector.storage.base import (
    Arrival,
    Batch,
    Delivery,
    DeviceActivity,
    Parcel,
    Point,
    SeriesRow,
    Value,
    WriteReport,
)
from pantau_collector.storage.rows import STAMP_COUNT, Row, point_of, rows_of
from pantau_wire import ranges, schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_LAST_NS = 2**63 - 1
_WRITER_CACHE_KIB = 32 * 1024  # holds each device's newest page: half as fast again as SQLite's 2 MiB


class SqliteStore:
    """A `Store` in one file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises `StoreUnavailableError` where that is impossible."""
        self._path = path
        self._write_lock = threading.Lock()
        self._idle_readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        with self._errors():
            self._db = sqlitefile.open_durable(path, _create_missing)
            self._db.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")

    def make_ready(self, parcel: Parcel) -> None:
        """Want the records themselves; see `Store`."""

    def write(self, batch: Batch) -> WriteReport:
        """Write all of the batch in one transaction; it is on the disk when this returns."""
        by_kind: dict[str, list[Row]] = defaultdict(list)
        for parcel in batch.parcels:
            for kind, row in rows_of(parcel):
                by_kind[kind].append(row)
        with self._errors(), self._write_lock, sqlitefile.transaction(self._db):
            reports = [_insert(self._db, kind, rows, batch) for kind, rows in by_kind.items()]
            self._db.executemany(
                "INSERT OR IGNORE INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        entry.device,
                        entry.spool,
                        entry.first_seq,
                        entry.last_seq,
                        entry.state,
                        entry.at_ns,
                        entry.reason,
                    )
                    for entry in batch.deliveries
                ],
            )
        return WriteReport(
            new_count=sum(report.new_count for report in reports),
            repeated_count=sum(report.repeated_count for report in reports),
            altered=[arrival for report in reports for arrival in report.altered],
        )

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
        """Return points with since <= time < until, oldest first; see `Store`."""
        keys = schema.key_names(kind)
        conditions = [f"{name} = ?" for name in where or () if name in keys]
        if len(conditions) != len(where or ()):
            raise ValueError(f"{kind} can be asked by {', '.join(keys)} only")
        sql = " AND ".join([" WHERE device = ? AND time_ns >= ? AND time_ns < ?", *conditions])
        args = [device, since_ns, _LAST_NS if until_ns is None else until_ns, *(where or {}).values()]
        sql += f" ORDER BY time_ns DESC LIMIT {-1 if newest is None else int(newest)}"
        rows = self._select(tables.select_sql(kind) + sql, args)
        return [point_of(kind, row) for row in reversed(rows)]

    def window(
        self, kind: str, since_ns: int, until_ns: int, devices: Sequence[str] | None = None
    ) -> Iterator[Point]:
        """Yield the points of a span of time, device by device; see `Store`.

        Each device is a question of its own, answered from the key's order: an index on time would cost
        every write.
        """
        wanted = self._devices_of(kind, since_ns, until_ns) if devices is None else devices
        for device in wanted:
            yield from self.points(kind, device, since_ns=since_ns, until_ns=until_ns)

    def write_series(self, rows: Sequence[SeriesRow]) -> None:
        """Write rows of derived series in one transaction; see `Store`."""
        checked = derived.by_series(rows)
        with self._errors(), self._write_lock, sqlitefile.transaction(self._db):
            seriestables.write(self._db, checked)

    def add_series(self, rows: Sequence[SeriesRow]) -> None:
        """Write rows whose place is free, in one transaction; see `Store`."""
        checked = derived.by_series(rows)
        with self._errors(), self._write_lock, sqlitefile.transaction(self._db):
            seriestables.write(self._db, checked, over=False)

    def erase_series(self, rows: Sequence[SeriesRow]) -> bool:
        """Erase rows of derived series in one transaction; see `Store`."""
        with self._errors(), self._write_lock, sqlitefile.transaction(self._db):
            seriestables.erase(self._db, rows)
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
        """Return rows with since <= time < until, ordered by time, then tags; see `Store`."""
        series = derived.known(name)
        asked = seriestables.question(
            series,
            since_ns=since_ns,
            until_ns=_LAST_NS if until_ns is None else until_ns,
            where=derived.conditions(series, where),
            newest=newest,
        )
        return list(seriestables.rows(series, self._select(*asked)))

    def series_columns(
        self,
        name: str,
        wanted: Sequence[str],
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
    ) -> dict[str, list[Any]]:
        """Return some columns of the rows of a series; see `Store`."""
        series = derived.known(name)
        asked = seriestables.columns_question(
            series,
            derived.wanted(series, wanted),
            since_ns=since_ns,
            until_ns=_LAST_NS if until_ns is None else until_ns,
            where=derived.conditions(series, where),
        )
        columns = zip(*self._select(*asked), strict=True)
        return {column: list(values) for column, values in zip(wanted, columns, strict=False)} or {
            column: [] for column in wanted
        }

    def acquire_lease(self, name: str, holder: str, valid_s: float) -> bool:
        """Take or renew a lease, in a transaction: never do two hold it; see `Store`."""
        with self._errors(), self._write_lock, sqlitefile.transaction(self._db):
            return lease.take(self._db, name, holder, valid_s, time.time())

    def span(self, name: str) -> tuple[int, int] | None:
        """Return the first and last time; see `Store`."""
        if name in KINDS:
            sql = "SELECT min(first_time_ns), max(last_time_ns) FROM activity WHERE kind = ?"
            ((first_ns, last_ns),) = self._select(sql, [name])
        elif name == "delivery":
            ((first_ns, last_ns),) = self._select("SELECT min(at_ns), max(at_ns) FROM delivery", [])
        else:
            ((first_ns, last_ns),) = self._select(seriestables.span(derived.known(name)), [])
        return None if first_ns is None else (first_ns, last_ns)

    def devices(self) -> list[str]:
        """Return every device that has a point or a delivery here; see `Store`."""
        rows = self._select("SELECT device FROM activity UNION SELECT DISTINCT device FROM delivery", [])
        return sorted(device for (device,) in rows)

    def activity(self, device: str | None = None) -> list[DeviceActivity]:
        """Return what is held of each device, or of the one; see `Store`."""
        rows = self._select(
            "SELECT device, kind, count, first_time_ns, last_time_ns FROM activity"
            " WHERE ?1 IS NULL OR device = ?1 ORDER BY device",
            [device],
        )
        by_device: dict[str, list[tuple[str, int, int, int]]] = defaultdict(list)
        for name, *entry in rows:
            by_device[name].append((entry[0], entry[1], entry[2], entry[3]))
        return [
            DeviceActivity(
                device=name,
                first_time_ns=min(entry[2] for entry in entries),
                last_time_ns=max(entry[3] for entry in entries),
                counts={kind: count for kind, count, _, _ in entries},
            )
            for name, entries in by_device.items()
        ]

    def deliveries(self, device: str, since_ns: int = 0) -> list[Delivery]:
        """Return what became of the device's sequence numbers; see `Store`."""
        rows = self._select(
            "SELECT device, spool, first_seq, last_seq, state, at_ns, reason FROM delivery"
            " WHERE device = ? AND at_ns >= ? ORDER BY at_ns, first_seq",
            [device, since_ns],
        )
        return [Delivery(*row) for row in rows]

    def stored_seqs(self, device: str, spool: str) -> list[tuple[int, int]]:
        """Return the sequence numbers whose points are here; see `Store`."""
        seqs: list[int] = []
        for kind in KINDS:
            rows = self._select(f"SELECT seq FROM {kind} WHERE device = ? AND spool = ?", [device, spool])  # noqa: S608
            seqs.extend(seq for (seq,) in rows)
        return ranges.from_numbers(seqs)

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._readers_lock:
            for reader in self._idle_readers:
                reader.close()
            self._idle_readers.clear()
            self._db.close()

    def _devices_of(self, kind: str, since_ns: int, until_ns: int) -> list[str]:
        rows = self._select(
            "SELECT device FROM activity WHERE kind = ? AND last_time_ns >= ? AND first_time_ns < ?"
            " ORDER BY device",
            [kind, since_ns, until_ns],
        )
        return [device for (device,) in rows]

    def _select(self, sql: str, args: Sequence[Value]) -> list[tuple[Any, ...]]:
        with self._errors(), self._reader() as reader:
            return reader.execute(sql, args).fetchall()

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with self._readers_lock:
            reader = self._idle_readers.pop() if self._idle_readers else None
        reader = reader or sqlitefile.connect(self._path)
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        with self._readers_lock:
            self._idle_readers.append(reader)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(f"{self._path}: {error}") from error


def _create_missing(db: sqlite3.Connection) -> None:
    for part in (tables, seriestables, lease):
        part.create_missing(db)


def _insert(db: sqlite3.Connection, kind: str, rows: list[Row], batch: Batch) -> WriteReport:
    """Insert a batch's points of one kind: all at once, and one by one where some are there already."""
    db.execute("SAVEPOINT kind")
    inserted = db.executemany(tables.insert_sql(kind), rows).rowcount
    if inserted == len(rows):
        db.execute("RELEASE kind")
        _count_activity(db, kind, rows)
        return WriteReport(new_count=inserted)
    db.execute("ROLLBACK TO kind")
    db.execute("RELEASE kind")
    arrivals = [arrival for arrival in batch.arrivals if schema.kind_of(arrival.record.data) == kind]
    return _insert_one_by_one(db, kind, rows, arrivals)


def _insert_one_by_one(
    db: sqlite3.Connection, kind: str, rows: list[Row], arrivals: list[Arrival]
) -> WriteReport:
    new: list[Row] = []
    altered: list[Arrival] = []
    for row, arrival in zip(rows, arrivals, strict=True):
        if db.execute(tables.insert_sql(kind), row).rowcount:
            new.append(row)
        elif _twin(db, kind, row) != row[STAMP_COUNT:]:
            altered.append(arrival)
    _count_activity(db, kind, new)
    return WriteReport(len(new), len(rows) - len(new) - len(altered), altered)


def _twin(db: sqlite3.Connection, kind: str, row: Row) -> Row:
    sql = tables.select_sql(kind) + tables.same_point_sql(kind)
    stored: Row = db.execute(sql, tables.identity_of(kind, row)).fetchone()
    return stored[STAMP_COUNT:]


def _count_activity(db: sqlite3.Connection, kind: str, rows: list[Row]) -> None:
    times: dict[Value, list[Any]] = defaultdict(list)
    for row in rows:
        times[row[0]].append(row[1])
    db.executemany(
        "INSERT INTO activity VALUES (?, ?, ?, ?, ?) ON CONFLICT (device, kind) DO UPDATE SET"
        " count = count + excluded.count,"
        " first_time_ns = min(first_time_ns, excluded.first_time_ns),"
        " last_time_ns = max(last_time_ns, excluded.last_time_ns)",
        [(device, kind, len(found), min(found), max(found)) for device, found in times.items()],
    )
