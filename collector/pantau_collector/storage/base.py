"""What a store is. SQLite is one, InfluxDB another; nothing outside names either.

A point is identified by device, kind, the kind's key fields and time. Writing it again changes
nothing, so that every delivery may be repeated.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from pantau_wire.envelope import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Value = float | int | bool | str | tuple[float, ...] | None
DeliveryState = Literal["received", "rejected", "dropped"]

# Beside the columns of its kind, every stored point has these.
STAMP_COLUMNS = ("device", "time_ns", "spool", "seq", "boot", "uptime_ns", "clock")


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One record with where it came from: what is said of a single point. See `Parcel` for `attempt`."""

    device: str
    spool: str
    boot: str
    record: Record
    attempt: int = 0


class Ready(msgspec.Struct, frozen=True, gc=False):
    """What a store made of a parcel's records when they came: what it will write, and their times (ns)."""

    content: bytes
    times_ns: array[int]


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """An envelope's records with where they came from: what the ingest hands to the store.

    `attempt` says how often they were sent, 0 where nobody knows. A store that overwrites looks first whether
    a point is there, unless this is 1. `ready` is of these very records, see `Store.make_ready`. A struct,
    and one for all records of an envelope, because there are tens of thousands a second.
    """

    device: str
    spool: str
    boot: str
    records: Sequence[Record]
    attempt: int = 0
    ready: Ready | None = None

    @property
    def times_ns(self) -> Sequence[int]:
        """When each record was measured (ns since 1970)."""
        return self.ready.times_ns if self.ready else [record.time_ns for record in self.records]

    @property
    def arrivals(self) -> list[Arrival]:
        """Each record by itself."""
        return list(map(self.arrival, self.records))

    def arrival(self, record: Record) -> Arrival:
        """Return one of the records by itself."""
        return Arrival(self.device, self.spool, self.boot, record, self.attempt)


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """What became of a range of one spool's `seq`: the series that proves nothing is missing."""

    device: str
    spool: str
    first_seq: int
    last_seq: int
    state: DeliveryState
    at_ns: int
    reason: str = ""


class SeriesRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a derived series (`pantau_collector.storage.series`).

    `tags` stand in the order of the series' tags, an empty text where one does not apply; `values` leave out
    what there is no value of. A row with the same series, tags and time is the same row.
    """

    series: str
    tags: tuple[str, ...]
    time_ns: int
    values: dict[str, float | int | bool | str]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written, or not written, together."""

    parcels: Sequence[Parcel] = ()
    deliveries: Sequence[Delivery] = ()

    @classmethod
    def of(cls, arrivals: Iterable[Arrival], deliveries: Sequence[Delivery] = ()) -> Batch:
        """Make a batch of single records."""
        parcels = [Parcel(one.device, one.spool, one.boot, (one.record,), one.attempt) for one in arrivals]
        return cls(parcels, deliveries)

    @property
    def arrivals(self) -> list[Arrival]:
        """Each record by itself, in the order of the parcels."""
        return [arrival for parcel in self.parcels for arrival in parcel.arrivals]

    @property
    def records_count(self) -> int:
        """How many records the parcels hold."""
        return sum([len(parcel.records) for parcel in self.parcels])


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A point that the store refuses for ever, and why, in the store's words on one line."""

    arrival: Arrival
    reason: str


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a write found: new points, points that were there already, and those with other values.

    `refused` are not stored; everything else is.
    """

    new_count: int = 0
    repeated_count: int = 0
    altered: Sequence[Arrival] = field(default=())
    refused: Sequence[Refusal] = field(default=())


@dataclass(frozen=True, slots=True)
class Point:
    """One stored measurement. `values` holds every column of the kind, absent ones as None."""

    kind: str
    device: str
    time_ns: int
    spool: str
    seq: int
    boot: str
    uptime_ns: int
    clock: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class DeviceActivity:
    """How much a store holds of one device. `counts` is points per kind."""

    device: str
    first_time_ns: int
    last_time_ns: int
    counts: Mapping[str, int]


class Store(Protocol):
    """A time-series store. Methods block; call them from a thread. All of them are thread-safe.

    Every method raises `StoreUnavailableError` where the store cannot answer now.
    """

    def make_ready(self, parcel: Parcel) -> Ready | None:
        """Return what `write` needs instead of the parcel's records; None where it wants the records.

        Asks nobody. For an ingest that lets the records go as soon as they are read: what waits to be written
        is then small, and nothing of it has to be fetched again from memory that is far away.
        """
        ...

    def write(self, batch: Batch) -> WriteReport:
        """Write all of the batch but what the report refuses; it is durable when this returns.

        Raises `StoreRefusesError` where the store refuses so much that it is no fault of single points.
        """
        ...

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
        """Return points with since <= time < until, oldest first; `newest` keeps only the last so many.

        `where` compares key columns of the kind, such as `{"target": "testpoint"}`.
        """
        ...

    def window(
        self, kind: str, since_ns: int, until_ns: int, devices: Sequence[str] | None = None
    ) -> Iterator[Point]:
        """Yield the points of all devices (or of those) with since <= time < until, device by device in time.

        For work through a whole window: the points are not held in memory all at once.
        """
        ...

    def write_series(self, rows: Sequence[SeriesRow]) -> None:
        """Write rows of derived series; a row that is there already is replaced.

        All of them, or where the store is unavailable some: writing them again completes it. A row that is
        written again must have every value that it had: InfluxDB merges. Rows older than their database
        keeps are left out. Raises `ValueError` for what the table of series does not have (series, column,
        number of tags), for a value of another type and for a row without any.
        """
        ...

    def add_series(self, rows: Sequence[SeriesRow]) -> None:
        """Write those rows of derived series whose place is free; what is there stays, whatever its values.

        Where a store cannot do that in one step it looks first: of two who write the same place at the same
        moment the later one counts.
        """
        ...

    def erase_series(self, rows: Sequence[SeriesRow]) -> bool:
        """Erase the rows of these series, tags and times, whatever their values; False where it cannot.

        InfluxDB 3 cannot. For the rare row that turns out to be wrong, not for great numbers.
        """
        ...

    def series(
        self,
        name: str,
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
        newest: int | None = None,
    ) -> list[SeriesRow]:
        """Return rows with since <= time < until, ordered by time, then tags.

        `where` compares tags to one text, or to any of several; `newest` keeps only the last so many rows of
        each combination of tags.
        """
        ...

    def series_columns(
        self,
        name: str,
        wanted: Sequence[str],
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
    ) -> dict[str, list[Any]]:
        """Return the wanted tags, columns and `time_ns` of rows, as lists of one length.

        For work over very many rows, with at least one column: in no certain order, None where there is no
        value, and a fraction that is whole may come as a whole number.
        """
        ...

    def acquire_lease(self, name: str, holder: str, valid_s: float) -> bool:
        """Take or renew the right to do a piece of work alone; True while `holder` has it.

        Whoever does not renew within `valid_s` loses it; all who compete give the same, and each process a
        holder of its own. What is done under a lease must be harmless when done twice: not every store can
        rule out that two holders overlap for a moment.
        """
        ...

    def span(self, name: str) -> tuple[int, int] | None:
        """Return the first and last time of a kind, a series or `delivery`; None where it is empty."""
        ...

    def devices(self) -> list[str]:
        """Return the ids of all devices of which there is a point or a delivery, in order."""
        ...

    def activity(self, device: str | None = None) -> list[DeviceActivity]:
        """Return what is held of each device that ever delivered (or of the one), ordered by id."""
        ...

    def deliveries(self, device: str, since_ns: int = 0) -> list[Delivery]:
        """Return what became of the device's sequence numbers, in order of arrival."""
        ...

    def stored_seqs(self, device: str, spool: str) -> list[tuple[int, int]]:
        """Return the sequence numbers of the spool whose points are in the store, as merged ranges."""
        ...

    def close(self) -> None:
        """Release everything; the store cannot be used afterwards."""
        ...
