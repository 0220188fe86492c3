"""Arrivals, and the points that a store must give back for them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pantau_collector.storage.base import Arrival, Batch, Delivery, Point
from pantau_wire import schema
from pantau_wire.envelope import Record
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pantau_wire.fields import Measurement

START_NS = 1_750_000_000_000_000_000
_devices = itertools.count(1)


def new_device() -> str:
    """A device that no store has heard of: every Hypothesis example gets its own."""
    return f"desa-{next(_devices)}"


def arrival(data: Measurement, *, device: str = "desa-1", seq: int = 1, at_s: float = 0) -> Arrival:
    """A record of spool `s1` that was measured some seconds after the start of time."""
    time_ns = START_NS + int(at_s * 1e9)
    record = Record(seq=seq, time_ns=time_ns, uptime_ns=seq, clock="synced", data=data)
    return Arrival(device, "s1", "b1", record)


def dns(seq: int, *, device: str = "desa-1", **fields: object) -> Arrival:
    """A small record, whose time follows its number."""
    values = {"resolver": "10.0.0.1", "name": "example.id", "resolve_ms": float(seq)} | fields
    return arrival(Dns(**values), device=device, seq=seq, at_s=seq)


def batch(*arrivals: Arrival) -> Batch:
    """The arrivals with a delivery for each."""
    entries = [
        Delivery(one.device, one.spool, one.record.seq, one.record.seq, "received", START_NS)
        for one in arrivals
    ]
    return Batch.of(arrivals, entries)


def point_of(one: Arrival) -> Point:
    """What the store must give back."""
    record = one.record
    kind = schema.kind_of(record.data)
    return Point(
        kind=kind,
        device=one.device,
        time_ns=record.time_ns,
        spool=one.spool,
        seq=record.seq,
        boot=one.boot,
        uptime_ns=record.uptime_ns,
        clock=record.clock,
        values={column.name: getattr(record.data, column.name) for column in schema.columns(kind)},
    )
