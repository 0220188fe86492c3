"""Puts as many records into an envelope as the broker takes in one packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pantau_agent.publisher.numbering import number_of
from pantau_wire import codec
from pantau_wire.errors import PayloadTooLargeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_agent.publisher.outbox import Numbering, SpooledRecord
    from pantau_wire.envelope import Dropped, Header

_TARGET_BYTES = 60_000  # of records before deflating; keeps an envelope small on a bad line
PACKET_OVERHEAD_BYTES = 256  # at most: fixed header, topic, message id, properties


class Packed(NamedTuple):
    """An envelope ready to be sent, and what is in it."""

    payload: bytes
    content_type: str
    seqs: list[int]
    dropped: tuple[Dropped, ...]


def unreadable(records: Sequence[SpooledRecord]) -> list[int]:
    """Return the `seq` of records that are not JSON any more: one of them spoils a whole envelope."""
    return [record.seq for record in records if not _is_json(record.data)]


def pack(
    header: Header, records: Sequence[SpooledRecord], max_packet_bytes: int, numbering: Numbering
) -> Packed | None:
    """Return an envelope with the first of the records, None where not even one fits.

    Where one record alone does not fit, the header announces fewer dropped ranges; the others wait.
    """
    raw = _target_size(records, numbering)
    while True:
        packed = _encode(header, raw, max_packet_bytes - PACKET_OVERHEAD_BYTES)
        if packed is not None:
            return Packed(*packed, [record.seq for record in records[: len(raw)]], header.dropped)
        if len(raw) > 1:
            raw = raw[: len(raw) // 2]
        elif header.dropped:
            fewer = header.dropped[: len(header.dropped) // 2]
            header = msgspec.structs.replace(header, dropped=fewer)
        else:
            return None


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _encode(header: Header, raw: list[msgspec.Raw], max_bytes: int) -> tuple[bytes, str] | None:
    try:
        payload, content_type = codec.encode_envelope(header, raw)
    except PayloadTooLargeError:
        return None
    return (payload, content_type) if len(payload) <= max_bytes else None


def _target_size(records: Sequence[SpooledRecord], numbering: Numbering) -> list[msgspec.Raw]:
    """Return the JSON of the first records, at least one, up to a comfortable size."""
    raw: list[msgspec.Raw] = []
    used = 0
    for record in records:
        text = codec.encode_record(
            seq=number_of(record.seq, numbering),
            time_ns=record.time_ns,
            uptime_ns=record.uptime_ns,
            clock=record.clock,
            data=record.data,
        )
        used += len(bytes(text))
        if raw and used > _TARGET_BYTES:
            break
        raw.append(text)
    return raw
