"""Bytes to envelopes and back. Whatever bytes come in: a result or a `WireError`, nothing else.

An envelope is refused whole only where nothing in it can be trusted. A single bad record is refused
alone; its neighbours are decoded.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from pantau_wire.envelope import (
    MAX_PAYLOAD_BYTES,
    MAX_RECORDS,
    VERSION,
    Ack,
    Envelope,
    Header,
    Record,
    Status,
)
from pantau_wire.errors import (
    ImplausibleTimeError,
    InvalidEnvelopeError,
    InvalidRecordError,
    MalformedPayloadError,
    PayloadTooLargeError,
    UnknownVersionError,
    WireError,
)
from pantau_wire.fields import AnyMeasurement

JSON = "application/json"
DEFLATED_JSON = "application/json+deflate"
DEFLATE_FROM_BYTES = 512
MAX_AHEAD_NS = 24 * 3600 * 1_000_000_000
EARLIEST_NS = 1_735_689_600_000_000_000  # 2025-01-01T00:00:00Z: before Pantau existed


class _Version(msgspec.Struct):
    v: int


class _RawEnvelope(Header, frozen=True, kw_only=True, omit_defaults=True):
    measurements: list[msgspec.Raw]


class _Seq(msgspec.Struct):
    seq: int


class _RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    time_ns: int
    uptime_ns: int
    clock: str
    data: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that could not be taken: its `seq` where it can be told, why, and its own bytes."""

    seq: int | None
    error: WireError
    raw: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of a payload: the header, the good records, and the bad ones with reasons."""

    header: Header
    records: tuple[Record, ...]
    refused: tuple[Refused, ...] = ()


_Message = TypeVar("_Message", Ack, Status)

_encoder = msgspec.json.Encoder()
_version_decoder = msgspec.json.Decoder(_Version)
_envelope_decoder = msgspec.json.Decoder(Envelope)
_raw_envelope_decoder = msgspec.json.Decoder(_RawEnvelope)
_record_decoder = msgspec.json.Decoder(Record)
_seq_decoder = msgspec.json.Decoder(_Seq)
_measurement_decoder: msgspec.json.Decoder[AnyMeasurement] = msgspec.json.Decoder(AnyMeasurement)
_ack_decoder = msgspec.json.Decoder(Ack)
_status_decoder = msgspec.json.Decoder(Status)


def encode_measurement(measurement: AnyMeasurement) -> bytes:
    """Return the measurement's JSON: what a spool keeps and `encode_records` sends unchanged."""
    return _encoder.encode(measurement)


def decode_measurement(data: bytes) -> AnyMeasurement:
    """Return the measurement, or raise `InvalidRecordError`."""
    try:
        return _measurement_decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRecordError(str(error)) from None


def encode_record(*, seq: int, time_ns: int, uptime_ns: int, clock: str, data: bytes) -> msgspec.Raw:
    """Return a record's JSON around a measurement that is encoded already."""
    record = _RawRecord(seq=seq, time_ns=time_ns, uptime_ns=uptime_ns, clock=clock, data=msgspec.Raw(data))
    return msgspec.Raw(_encoder.encode(record))


def encode_envelope(header: Header, records: list[msgspec.Raw]) -> tuple[bytes, str]:
    """Return payload and content type; deflated where that makes it smaller."""
    values = {name: getattr(header, name) for name in Header.__struct_fields__}
    return _pack(_encoder.encode(_RawEnvelope(**values, measurements=records)))


def encode(message: Envelope | Ack | Status) -> tuple[bytes, str]:
    """Return payload and content type; deflated where that makes it smaller."""
    return _pack(_encoder.encode(message))


def decode_envelope(payload: bytes, content_type: str | None, now_ns: int) -> Decoded:
    """Return header, good records and refused records; raise `WireError` where the whole is refused.

    `now_ns` is the server's wall clock: times more than 24 h ahead of it are implausible.
    """
    text = _unpack(payload, content_type)
    _check_version(text)
    try:
        envelope = _envelope_decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _decode_record_by_record(text, now_ns)
    return _screen(envelope, [(record, None) for record in envelope.measurements], now_ns)


def decode_ack(payload: bytes, content_type: str | None) -> Ack:
    """Return the ack; raise `WireError` where it is none."""
    return _decode_message(_ack_decoder, payload, content_type)


def decode_status(payload: bytes, content_type: str | None) -> Status:
    """Return the status; raise `WireError` where it is none."""
    return _decode_message(_status_decoder, payload, content_type)


def _decode_message(
    decoder: msgspec.json.Decoder[_Message], payload: bytes, content_type: str | None
) -> _Message:
    text = _unpack(payload, content_type)
    _check_version(text)
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidEnvelopeError(str(error)) from None


def _pack(text: bytes) -> tuple[bytes, str]:
    if len(text) >= DEFLATE_FROM_BYTES:
        deflated = zlib.compress(text, 6)
        if len(deflated) < len(text):
            return deflated, DEFLATED_JSON
    return text, JSON


def _unpack(payload: bytes, content_type: str | None) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLargeError(f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are taken")
    if content_type in (None, "", JSON):
        return payload
    if content_type != DEFLATED_JSON:
        raise MalformedPayloadError(f"content type {content_type[:80]!r}; use {JSON} or {DEFLATED_JSON}")
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(payload, MAX_PAYLOAD_BYTES + 1)
    except zlib.error as error:
        raise MalformedPayloadError(f"not deflate data: {error}") from None
    if len(text) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLargeError(f"inflates to more than {MAX_PAYLOAD_BYTES} bytes")
    if not inflater.eof:
        raise MalformedPayloadError("deflate data is cut short")
    return text


def _check_version(text: bytes) -> None:
    try:
        version = _version_decoder.decode(text).v
    except msgspec.ValidationError as error:
        raise InvalidEnvelopeError(str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedPayloadError(str(error)) from None
    if version != VERSION:
        raise UnknownVersionError(f"version {version}; this code speaks version {VERSION}")


def _decode_record_by_record(text: bytes, now_ns: int) -> Decoded:
    try:
        envelope = _raw_envelope_decoder.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidEnvelopeError(str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedPayloadError(str(error)) from None
    if not 1 <= len(envelope.measurements) <= MAX_RECORDS:
        raise InvalidEnvelopeError(f"{len(envelope.measurements)} measurements; 1 to {MAX_RECORDS} are taken")
    return _screen(envelope, [_decode_record(raw) for raw in envelope.measurements], now_ns)


def _decode_record(raw: msgspec.Raw) -> tuple[Record | None, Refused | None]:
    data = bytes(raw)
    try:
        return _record_decoder.decode(data), None
    except (msgspec.DecodeError, RecursionError) as error:
        return None, Refused(_seq_of(data), InvalidRecordError(str(error)), data)


def _seq_of(data: bytes) -> int | None:
    try:
        return _seq_decoder.decode(data).seq
    except (msgspec.DecodeError, RecursionError):
        return None


def _screen(header: Header, found: list[tuple[Record | None, Refused | None]], now_ns: int) -> Decoded:
    records: list[Record] = []
    refused: list[Refused] = []
    for record, refusal in found:
        if record is None:
            assert refusal is not None
            refused.append(refusal)
        elif EARLIEST_NS <= record.time_ns <= now_ns + MAX_AHEAD_NS:
            records.append(record)
        else:
            refused.append(Refused(record.seq, _implausible(record.time_ns, now_ns), _encoder.encode(record)))
    return Decoded(header, tuple(records), tuple(refused))


def _implausible(time_ns: int, now_ns: int) -> ImplausibleTimeError:
    if time_ns < EARLIEST_NS:
        return ImplausibleTimeError(f"time_ns {time_ns} lies before 2025")
    ahead_s = (time_ns - now_ns) // 1_000_000_000
    return ImplausibleTimeError(f"time_ns {time_ns} lies {ahead_s} s ahead; at most 24 h are taken")
