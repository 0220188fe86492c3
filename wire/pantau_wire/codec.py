"""Bytes to envelopes and back. Whatever bytes come in: a result or a `WireError`, nothing else.

An envelope is refused whole only where nothing in it can be trusted. A single bad record is refused
alone; its neighbours are decoded.
"""

from __future__ import annotations

import operator
import zlib
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from pantau_wire import one_line, ranges
from pantau_wire.envelope import (
    MAX_PAYLOAD_BYTES,
    MAX_RECORDS,
    VERSION,
    Ack,
    Envelope,
    Header,
    Record,
    Seq,
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
from pantau_wire.remote import ConfigMessage, Instruction
from pantau_wire.vocabulary import Id

JSON = "application/json"
DEFLATED_JSON = "application/json+deflate"
DEFLATE_FROM_BYTES = 512
MAX_AHEAD_NS = 24 * 3600 * 1_000_000_000
EARLIEST_NS = 1_735_689_600_000_000_000  # 2025-01-01T00:00:00Z: before Pantau existed
# An ack that rejects every record of an envelope, each with such a message, still fits its limit.
MAX_MESSAGE_CHARS = 100


class _Version(msgspec.Struct):
    v: int


class _RawEnvelope(Header, frozen=True, kw_only=True, omit_defaults=True):
    measurements: Annotated[list[msgspec.Raw], Meta(max_length=MAX_RECORDS)]


class _Seq(msgspec.Struct):
    seq: Seq


class _Outline(msgspec.Struct):
    v: int
    device: Id
    spool: Id
    measurements: Annotated[tuple[_Seq, ...], Meta(max_length=MAX_RECORDS)]


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


class Decoded(msgspec.Struct, frozen=True):
    """What came out of a payload: the header, the good records, and the bad ones with reasons."""

    header: Header
    records: tuple[Record, ...]
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """What an envelope of any version tells: enough to answer it `deferred`."""

    v: int
    device: str
    spool: str
    seqs: tuple[ranges.Range, ...]


_Message = TypeVar("_Message", bound=msgspec.Struct)
# UnicodeDecodeError: msgspec checks UTF-8 only where it makes a str, and then lets Python's own error out.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_encoder = msgspec.json.Encoder()
_outline_decoder = msgspec.json.Decoder(_Outline)
_version_decoder = msgspec.json.Decoder(_Version)
_envelope_decoder = msgspec.json.Decoder(Envelope)
_raw_envelope_decoder = msgspec.json.Decoder(_RawEnvelope)
_record_decoder = msgspec.json.Decoder(Record)
_seq_decoder = msgspec.json.Decoder(_Seq)
_measurement_decoder: msgspec.json.Decoder[AnyMeasurement] = msgspec.json.Decoder(AnyMeasurement)
_ack_decoder = msgspec.json.Decoder(Ack)
_status_decoder = msgspec.json.Decoder(Status)
_config_decoder = msgspec.json.Decoder(ConfigMessage)
_instruction_decoder = msgspec.json.Decoder(Instruction)
_header_names = Header.__struct_fields__
_read_header = operator.attrgetter(*_header_names)


def encode_measurement(measurement: AnyMeasurement) -> bytes:
    """Return the measurement's JSON: what a spool keeps and `encode_record` sends unchanged.

    NaN and infinity become null, which means absent. Bounds are not checked here: `decode_measurement`
    does that. Raises `InvalidRecordError` for text that is not Unicode (lone surrogates).
    """
    try:
        return _encoder.encode(measurement)
    except UnicodeEncodeError as error:
        raise InvalidRecordError(_why(error)) from None


def decode_measurement(data: bytes) -> AnyMeasurement:
    """Return the measurement, or raise `InvalidRecordError`."""
    try:
        measurement = _measurement_decoder.decode(data)
    except _UNREADABLE as error:
        raise InvalidRecordError(_why(error)) from None
    if not one_line.is_certain(data):
        one_line.check(measurement)
    return measurement


def encode_record(*, seq: int, time_ns: int, uptime_ns: int, clock: str, data: bytes) -> msgspec.Raw:
    """Return a record's JSON around a measurement that is encoded already."""
    record = _RawRecord(seq=seq, time_ns=time_ns, uptime_ns=uptime_ns, clock=clock, data=msgspec.Raw(data))
    return msgspec.Raw(_encoder.encode(record))


def encode_envelope(header: Header, records: list[msgspec.Raw]) -> tuple[bytes, str]:
    """Return payload and content type; deflated where that makes it smaller.

    Raises `InvalidEnvelopeError` for too many records, and `PayloadTooLargeError` where the JSON
    exceeds 256 KiB before deflating: a collector would refuse it whole, for ever.
    """
    if len(records) > MAX_RECORDS:
        raise InvalidEnvelopeError(f"{len(records)} measurements; at most {MAX_RECORDS} are taken")
    return _pack(_encoder.encode(_RawEnvelope(**_header_values(header), measurements=records)))


def encode(message: Envelope | Ack) -> tuple[bytes, str]:
    """Return payload and content type; raise `PayloadTooLargeError` above 256 KiB before deflating."""
    return _pack(_encoder.encode(message))


def encode_status(status: Status) -> bytes:
    """Return plain JSON, however long: a will carries no content type that could say otherwise."""
    return _encoder.encode(status)


def decode_envelope(payload: bytes, content_type: str | None, now_ns: int) -> Decoded:
    """Return header, good records and refused records; raise `WireError` where the whole is refused.

    `now_ns` is the server's wall clock: times more than 24 h ahead of it are implausible.
    """
    text = unpack(payload, content_type)
    try:
        envelope = _envelope_decoder.decode(text)  # nearly always right: what is wrong is looked into after
    except _UNREADABLE:
        _check_version(text)
        return _decode_record_by_record(text, now_ns)
    if envelope.v != VERSION:
        raise _unknown_version(envelope.v)
    if not (_all_plausible(envelope.measurements, now_ns) and _all_one_line(envelope.measurements, text)):
        return _decode_record_by_record(text, now_ns)
    return Decoded(_header_of(envelope), envelope.measurements)


def decode_records_again(payload: bytes, content_type: str | None) -> tuple[Record, ...]:
    """Return the records of a payload of which `decode_envelope` refused none; they are not checked again."""
    return _decode_text(_envelope_decoder, unpack(payload, content_type)).measurements


def decode_outline(payload: bytes, content_type: str | None) -> Outline:
    """Return what an envelope of any version tells about itself; raise `WireError` where it does not.

    For the answer to an `UnknownVersionError`: `deferred`, with reason `newer_agent`.
    """
    outline = _decode_text(_outline_decoder, unpack(payload, content_type))
    seqs = ranges.from_numbers(record.seq for record in outline.measurements)
    return Outline(outline.v, outline.device, outline.spool, tuple(seqs))


def decode_ack(payload: bytes, content_type: str | None) -> Ack:
    """Return the ack; raise `WireError` where it is none."""
    return _decode_message(_ack_decoder, payload, content_type)


def decode_status(payload: bytes, content_type: str | None) -> Status:
    """Return the status; raise `WireError` where it is none."""
    return _decode_message(_status_decoder, payload, content_type)


def decode_config(payload: bytes, content_type: str | None) -> ConfigMessage:
    """Return the signed message, not verified yet; raise `WireError` where it is none."""
    return _decode_message(_config_decoder, payload, content_type)


def encode_instruction(instruction: Instruction) -> str:
    """Return the JSON text to be signed."""
    return _encoder.encode(instruction).decode()


def decode_instruction(signed: str) -> Instruction:
    """Return what a verified text says; raise `WireError` for unknown keys and wrong values."""
    return _decode_text(_instruction_decoder, signed.encode())


def _decode_message(
    decoder: msgspec.json.Decoder[_Message], payload: bytes, content_type: str | None
) -> _Message:
    text = unpack(payload, content_type)
    _check_version(text)
    return _decode_text(decoder, text)


def _decode_text(decoder: msgspec.json.Decoder[_Message], text: bytes) -> _Message:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidEnvelopeError(_why(error)) from None
    except _UNREADABLE as error:
        raise MalformedPayloadError(_why(error)) from None


def _header_values(header: Header) -> dict[str, Any]:
    return dict(zip(_header_names, _read_header(header), strict=True))


def _header_of(envelope: Header) -> Header:
    """Return the header alone: spelled out, which takes a tenth of the time that a dict of values does."""
    return Header(
        v=envelope.v,
        device=envelope.device,
        agent=envelope.agent,
        spool=envelope.spool,
        boot=envelope.boot,
        attempt=envelope.attempt,
        oldest_unacked_seq=envelope.oldest_unacked_seq,
        dropped=envelope.dropped,
        sent_uptime_ns=envelope.sent_uptime_ns,
    )


def _pack(text: bytes) -> tuple[bytes, str]:
    if len(text) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLargeError(f"{len(text)} bytes of JSON; at most {MAX_PAYLOAD_BYTES} are taken")
    if len(text) >= DEFLATE_FROM_BYTES:
        deflated = zlib.compress(text, 6)
        if len(deflated) < len(text):
            return deflated, DEFLATED_JSON
    return text, JSON


def unpack(payload: bytes, content_type: str | None) -> bytes:
    """Return the JSON text of a payload; raise `WireError` where size or encoding is wrong."""
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
    if inflater.unused_data:
        raise MalformedPayloadError("something follows the deflate data")
    return text


def _check_version(text: bytes) -> None:
    version = _decode_text(_version_decoder, text).v
    if version != VERSION:
        raise _unknown_version(version)


def _unknown_version(version: int) -> UnknownVersionError:
    return UnknownVersionError(f"version {str(version)[:20]}; this code speaks version {VERSION}")


def _decode_record_by_record(text: bytes, now_ns: int) -> Decoded:
    envelope = _decode_text(_raw_envelope_decoder, text)
    records: list[Record] = []
    refused: list[Refused] = []
    for raw in envelope.measurements:
        data = bytes(raw)
        try:
            records.append(_decode_record(data, now_ns))
        except WireError as error:
            refused.append(Refused(_seq_of(data), error, data))
    return Decoded(_header_of(envelope), tuple(records), tuple(refused))


def _decode_record(data: bytes, now_ns: int) -> Record:
    try:
        record = _record_decoder.decode(data)
    except _UNREADABLE as error:
        raise InvalidRecordError(_why(error)) from None
    one_line.check(record.data)
    if not _plausible(record, now_ns):
        raise _implausible(record.time_ns, now_ns)
    return record


def _seq_of(data: bytes) -> int | None:
    try:
        return _seq_decoder.decode(data).seq
    except _UNREADABLE:
        return None


def _all_plausible(records: tuple[Record, ...], now_ns: int) -> bool:
    if not records:
        return True
    times_ns = [record.time_ns for record in records]
    return min(times_ns) >= EARLIEST_NS and max(times_ns) <= now_ns + MAX_AHEAD_NS


def _all_one_line(records: tuple[Record, ...], text: bytes) -> bool:
    return one_line.is_certain(text) or not any(one_line.broken(record.data) for record in records)


def _plausible(record: Record, now_ns: int) -> bool:
    return EARLIEST_NS <= record.time_ns <= now_ns + MAX_AHEAD_NS


def _implausible(time_ns: int, now_ns: int) -> ImplausibleTimeError:
    if time_ns < EARLIEST_NS:
        return ImplausibleTimeError(f"time_ns {time_ns} lies before 2025")
    ahead_s = (time_ns - now_ns) // 1_000_000_000
    return ImplausibleTimeError(f"time_ns {time_ns} lies {ahead_s} s ahead; at most 24 h are taken")


def _why(error: Exception) -> str:
    """Return one short line of printable ASCII: the error may quote what a stranger sent."""
    text = str(error)
    if len(text) > MAX_MESSAGE_CHARS:
        text = f"{text[:57]}...{text[-40:]}"
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
