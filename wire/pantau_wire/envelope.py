"""What travels: the envelope of measurements, the ack that answers it, and the agent's status."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pantau_wire.fields import AnyMeasurement, ClockState
from pantau_wire.remote import ConfigReport
from pantau_wire.vocabulary import INT64_MAX, Id, Line, Nanoseconds, Version

VERSION = 1
MAX_PAYLOAD_BYTES = 256 * 1024
MAX_RECORDS = 1000
MAX_DROPPED_SPOOLS = 4  # in one envelope: each is a series of its own in a store
MAX_CONFIG_REPORTS = 16  # the device and its groups

Seq = Annotated[int, Meta(ge=1, le=INT64_MAX)]
SeqRange = tuple[Seq, Seq]
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._~+/=-]{1,400}\Z")]
"""Fit for a header (RFC 6750, b64token): whoever can write acks must not write headers."""
DropReason = Literal["spool_full", "spool_damaged", "too_large"]
DeferReason = Literal[
    "unregistered",  # the device is not in the registry yet
    "newer_agent",  # the envelope's major version is not known here
    "rate_limit",
    "store_unavailable",
    "store_refuses",  # the breaker is open
]


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One measurement with its stamp. The stamp is frozen before the first publish.

    `seq` is unique within the spool and never used twice. `time_ns` is the wall clock at the start of
    the measurement (UTC, since 1970), `uptime_ns` the time since boot at the same instant, which does
    not jump when the clock is set. `clock` says how far the wall clock could be trusted.
    """

    seq: Seq
    time_ns: Nanoseconds
    uptime_ns: Nanoseconds
    clock: ClockState
    data: AnyMeasurement


class Dropped(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A range of `seq` that the device gave up for good, and why.

    `spool` is told where they are not numbers of the envelope's spool but of another one of this device.
    """

    first_seq: Seq
    last_seq: Seq
    reason: DropReason
    spool: Id | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_range(self.first_seq, self.last_seq)


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Everything of an envelope but its measurements. One envelope holds one boot's measurements.

    `sent_uptime_ns` is the sender's time since its present boot; the ack carries it back, so that the
    sender can tell between which two moments the ack's `time_ns` was read.
    """

    v: int
    device: Id
    agent: Version
    spool: Id
    boot: Id
    attempt: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    oldest_unacked_seq: Seq
    dropped: Annotated[tuple[Dropped, ...], Meta(max_length=MAX_RECORDS)] = ()
    sent_uptime_ns: Nanoseconds | None = None


class Envelope(Header, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent publishes on `pantau/v1/{device}/measurements`; without records it asks for the time."""

    measurements: Annotated[tuple[Record, ...], Meta(max_length=MAX_RECORDS)]


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """One record that the collector refuses for ever; it stands in the durable dead letters."""

    seq: Seq
    reason: Line


class Deferred(msgspec.Struct, frozen=True, kw_only=True):
    """Records that the collector cannot take now; the agent keeps them and comes back."""

    first_seq: Seq
    last_seq: Seq
    retry_after_s: Annotated[float, Meta(ge=0, le=86_400)]
    reason: DeferReason

    def __post_init__(self) -> None:
        _check_range(self.first_seq, self.last_seq)


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """The collector's answer on `pantau/v1/{device}/ack`. `time_ns` is the server's clock.

    `sent_uptime_ns` is the newest of the envelopes that it answers. `testpoint_token` is a new one for this
    device (see `tokens`), left out of nearly every ack.
    """

    v: int = VERSION
    spool: Id
    time_ns: Nanoseconds
    sent_uptime_ns: Nanoseconds | None = None
    stored: tuple[SeqRange, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    testpoint_token: Token | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        for first_seq, last_seq in self.stored:
            _check_range(first_seq, last_seq)


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's birth (`online`), goodbye (`stopped`) or will (`lost`), retained.

    `config` says which remote configuration is in force, and which was refused, for each audience.
    """

    v: int = VERSION
    state: Literal["online", "stopped", "lost"]
    agent: Version
    boot: Id
    time_ns: Nanoseconds
    config: Annotated[tuple[ConfigReport, ...], Meta(max_length=MAX_CONFIG_REPORTS)] = ()


def _check_range(first_seq: int, last_seq: int) -> None:
    if first_seq > last_seq:
        raise ValueError(f"range {first_seq} to {last_seq} runs backwards")
