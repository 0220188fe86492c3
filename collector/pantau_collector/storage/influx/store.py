"""The `Store` on InfluxDB."""

from __future__ import annotations

import contextlib
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage.base import Arrival, Delivery, Parcel, Point, Ready, Value, WriteReport
from pantau_collector.storage.influx import lines, pointlines, questions, twins
from pantau_collector.storage.influx.activity import ActivityReader
from pantau_collector.storage.influx.client import Client
from pantau_collector.storage.influx.lease import Leases
from pantau_collector.storage.influx.patience import Breaker, Gate
from pantau_collector.storage.influx.sending import Block, Sender
from pantau_collector.storage.influx.series import DerivedSeries
from pantau_collector.storage.rows import STAMP_COUNT, Row, point_of, rows_of
from pantau_wire import ranges, schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.base import Batch, DeviceActivity, SeriesRow
    from pantau_wire.envelope import Record

_FIRST_ATTEMPT = 1


@dataclass(slots=True)
class _Sorted:
    """A batch's records: what to send, and what is there already."""

    fresh: list[Block] = field(default_factory=list)
    altered: list[Arrival] = field(default_factory=list)
    repeated_count: int = 0
    kept: set[tuple[str, str, int]] = field(default_factory=set)
    """Device, spool and number of what is stored under that very number."""


class InfluxStore:
    """A `Store` that other collectors may share. Nothing is asked of the server before it is needed.

    Deliveries are durable before their points are sent: where a point is found stored, so is its delivery.
    """

    def __init__(
        self, config: InfluxConfig, *, gate: Gate | None = None, breaker: Breaker | None = None
    ) -> None:
        """Connect to nothing yet: the server may come later."""
        self._client = Client(config)
        self._gate = gate or Gate()
        self._activity = ActivityReader(self._client)
        self._sender = Sender(self._client, breaker or Breaker())
        self._derived = DerivedSeries(config, self._client)
        self._leases = Leases(self._client)

    def make_ready(self, parcel: Parcel) -> Ready | None:
        """Return the lines of a parcel that was sent for the first time; see `Store`."""
        if parcel.attempt != _FIRST_ATTEMPT:
            return None
        return Ready(pointlines.lines_of(parcel), array("q", parcel.times_ns))

    def write(self, batch: Batch) -> WriteReport:
        """Write all of the batch but what is refused; see `Store`."""
        with self._patience():
            found = self._sort(batch.parcels)
            first = _delivery_lines(batch.deliveries, found.kept)
            refused = self._sender.send(first, found.fresh)
        return WriteReport(
            new_count=batch.records_count - found.repeated_count - len(found.altered) - len(refused),
            repeated_count=found.repeated_count,
            altered=found.altered,
            refused=refused,
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
        if not set(where or ()) <= set(keys):
            raise ValueError(f"{kind} can be asked by {', '.join(keys)} only")
        if newest == 0:  # which InfluxQL takes for no limit
            return []
        question = questions.points(
            kind, device, since_ns=since_ns, until_ns=until_ns, where=where or {}, newest=newest
        )
        rows = [row for _, series in self._client.ask(question) for row in questions.rows(kind, series)]
        return sorted((point_of(kind, row) for row in rows), key=lambda point: (point.time_ns, point.seq))

    def window(
        self, kind: str, since_ns: int, until_ns: int, devices: Sequence[str] | None = None
    ) -> Iterator[Point]:
        """Yield the points of a span of time, device by device, as they come in; see `Store`."""
        for question in questions.window(kind, since_ns, until_ns, devices):
            for _, series in self._client.ask(question):
                yield from (point_of(kind, row) for row in questions.rows(kind, series))

    def write_series(self, rows: Sequence[SeriesRow]) -> None:
        """Write rows of derived series; see `Store`."""
        with self._patience():
            self._derived.write(rows)

    def add_series(self, rows: Sequence[SeriesRow]) -> None:
        """Write rows whose place is free, as far as a look before can tell; see `Store`."""
        with self._patience():
            self._derived.add(rows)

    def erase_series(self, rows: Sequence[SeriesRow]) -> bool:
        """Erase rows of derived series, where the server can; see `Store`."""
        with self._patience():
            return self._derived.erase(rows)

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
        return self._derived.read(name, since_ns=since_ns, until_ns=until_ns, where=where, newest=newest)

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
        return self._derived.read_columns(name, wanted, since_ns=since_ns, until_ns=until_ns, where=where)

    def acquire_lease(self, name: str, holder: str, valid_s: float) -> bool:
        """Take or renew a lease; `influx.lease` says what that can promise here, and see `Store`."""
        with self._patience():
            return self._leases.acquire(name, holder, valid_s)

    def span(self, name: str) -> tuple[int, int] | None:
        """Return the first and last time; see `Store`."""
        if name not in KINDS and name != lines.DELIVERY:
            return self._derived.span(name)
        fields = ["seq" if name in KINDS else "at_ns"]
        return questions.span_of(self._client.ask(*questions.span(name, fields)))

    def devices(self) -> list[str]:
        """Return every device that has a point or a delivery here; see `Store`."""
        tables = self._client.ask(questions.devices())
        return sorted({device for _, table in tables for _, device in table.values})

    def activity(self, device: str | None = None) -> list[DeviceActivity]:
        """Return what is held of each device, or of the one; see `Store`."""
        return self._activity.read(device)

    def deliveries(self, device: str, since_ns: int = 0) -> list[Delivery]:
        """Return what became of the device's sequence numbers; see `Store`."""
        entries = [
            Delivery(device, *values[1:])
            for _, series in self._client.ask(questions.deliveries(device, since_ns))
            for values in series.values
        ]
        entries.sort(key=lambda entry: (entry.at_ns, entry.first_seq))
        first: dict[tuple[str, int, int, str], Delivery] = {}
        for entry in entries:
            if entry.at_ns >= since_ns:
                first.setdefault((entry.spool, entry.first_seq, entry.last_seq, entry.state), entry)
        return list(first.values())

    def stored_seqs(self, device: str, spool: str) -> list[tuple[int, int]]:
        """Return the sequence numbers whose points are here; see `Store`."""
        asked = [questions.seqs(kind, device, spool) for kind in KINDS]
        return ranges.from_numbers(seq for _, series in self._client.ask(*asked) for _, seq in series.values)

    def close(self) -> None:
        """Close the connections."""
        self._derived.close()
        self._sender.close()
        self._client.close()

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        self._gate.check()
        try:
            yield
        except StoreUnavailableError as failure:
            self._gate.failed(failure)
            raise
        self._gate.passed()

    def _sort(self, parcels: Sequence[Parcel]) -> _Sorted:
        found = _Sorted()
        doubtful = _doubtful_devices(parcels)
        for parcel in parcels:
            if parcel.device not in doubtful:  # nearly always
                found.fresh.append(Block(_content_of(parcel), parcel))
        doubted = [_with_records(parcel) for parcel in parcels if parcel.device in doubtful]
        made = [(parcel, rows_of(parcel)) for parcel in doubted]
        known = self._known(made)
        for parcel, rows in made:
            fresh = []
            for record, (kind, row) in zip(parcel.records, rows, strict=True):
                twin = known.setdefault((lines.series_of(kind, row), row[1]), row)
                if twin is row:
                    fresh.append(record)
                else:
                    _sort_repeated(parcel, record, row, twin, found)
            if fresh:
                alone = msgspec.structs.replace(parcel, records=fresh)
                found.fresh.append(Block(pointlines.lines_of(alone), alone))
        return found

    def _known(self, made: Sequence[tuple[Parcel, list[tuple[str, Row]]]]) -> dict[twins.Identity, Row]:
        """Return what is stored of the points that may be stored already."""
        wanted: dict[str, list[Row]] = defaultdict(list)
        for parcel, rows in made:
            if parcel.attempt != _FIRST_ATTEMPT:
                for kind, row in rows:
                    wanted[kind].append(row)
        return twins.find(self._client, wanted)


def _with_records(parcel: Parcel) -> Parcel:
    """Return a parcel whose records are at hand: what waited as it came is decoded, once."""
    return msgspec.structs.replace(parcel, records=tuple(parcel.records), ready=None)


def _content_of(parcel: Parcel) -> bytes:
    return parcel.ready.content if parcel.ready else pointlines.lines_of(parcel)


def _doubtful_devices(parcels: Sequence[Parcel]) -> set[str]:
    """Return the devices of which a point may be stored already, or stand in the parcels twice."""
    doubtful: set[str] = set()
    times_ns: dict[str, set[int]] = defaultdict(set)
    for parcel in parcels:
        known_ns = times_ns[parcel.device]
        count = len(known_ns) + len(parcel.records)
        known_ns.update(parcel.times_ns)
        if parcel.attempt != _FIRST_ATTEMPT or len(known_ns) != count:
            doubtful.add(parcel.device)
    return doubtful


def _sort_repeated(parcel: Parcel, record: Record, row: Row, twin: Row, found: _Sorted) -> None:
    if twin[STAMP_COUNT:] != row[STAMP_COUNT:]:
        found.altered.append(parcel.arrival(record))
        return
    found.repeated_count += 1
    if twin[2:4] == row[2:4]:
        found.kept.add((parcel.device, parcel.spool, record.seq))


def _delivery_lines(deliveries: Sequence[Delivery], kept: set[tuple[str, str, int]]) -> list[str]:
    """Return the lines of what was not delivered before."""
    return [lines.delivery_line(entry) for entry in deliveries if not _is_kept(entry, kept)]


def _is_kept(entry: Delivery, kept: set[tuple[str, str, int]]) -> bool:
    return entry.state == "received" and all(
        (entry.device, entry.spool, seq) in kept for seq in range(entry.first_seq, entry.last_seq + 1)
    )
