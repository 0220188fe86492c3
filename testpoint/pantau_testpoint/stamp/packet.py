"""The test packets of STAMP in unauthenticated mode, as pure functions (RFC 8762, sections 4.2.1 and 4.3.1).

Those of authenticated mode are in `modes`; what is in a packet is the same in both.

All numbers are unsigned and big-endian. Timestamps are NTP 64-bit: seconds since 1900-01-01 UTC in the
upper half, the fraction of a second in units of 2**-32 s in the lower (RFC 5905, section 6).
"""

import struct
from typing import NamedTuple

from pantau_testpoint.errors import PacketTooShortError

BASE_SIZE = 44
UNKNOWN_TTL = 255
"""What goes into the TTL field when the received one cannot be read (RFC 5357, section 4.2.1)."""

NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01 (RFC 5905)."""

NS_PER_S = 1_000_000_000

# Sequence Number, Timestamp, Error Estimate, SSID (RFC 8972, section 3; zero where unused), 28 octets of MBZ.
_SENDER = struct.Struct("!IQHH28x")
# Sequence Number, Timestamp, Error Estimate, SSID, Receive Timestamp, Session-Sender Sequence Number,
# Session-Sender Timestamp, Session-Sender Error Estimate, 2 octets of MBZ, Session-Sender TTL, 3 of MBZ.
_REFLECTED = struct.Struct("!IQHHQIQH2xB3x")

_SYNCHRONISED = 0x8000
_SCALE_SHIFT = 8
_SCALE_MASK = 0x3F
_MULTIPLIER_MASK = 0xFF


class SenderPacket(NamedTuple):
    """What the Session-Sender sends; `error_estimate` is the raw field of 16 bits."""

    sequence_number: int
    timestamp: int
    error_estimate: int
    ssid: int = 0


class ReflectedPacket(NamedTuple):
    """What the Session-Reflector answers; the fields from `sender_sequence_number` on are copies."""

    sequence_number: int
    timestamp: int
    error_estimate: int
    ssid: int
    receive_timestamp: int
    sender_sequence_number: int
    sender_timestamp: int
    sender_error_estimate: int
    sender_ttl: int


class ErrorEstimate(NamedTuple):
    """How wrong a timestamp may be, and whether its clock follows UTC (RFC 4656, section 4.1.2)."""

    synchronised: bool
    error_s: float


def pack_sender(packet: SenderPacket) -> bytes:
    """Return the 44 octets of a Session-Sender's packet."""
    return _SENDER.pack(*packet)


def unpack_sender(data: bytes | memoryview) -> SenderPacket:
    """Read a Session-Sender's packet; octets after the first 44 are the caller's to copy.

    Raises PacketTooShortError.
    """
    if len(data) < BASE_SIZE:
        raise PacketTooShortError(f"{len(data)} octets, a STAMP test packet has at least {BASE_SIZE}")
    return SenderPacket._make(_SENDER.unpack_from(data))


def pack_reflected(packet: ReflectedPacket) -> bytes:
    """Return the 44 octets of a reflected packet."""
    return _REFLECTED.pack(*packet)


def unpack_reflected(data: bytes | memoryview) -> ReflectedPacket:
    """Read a reflected packet. Raises PacketTooShortError."""
    if len(data) < BASE_SIZE:
        raise PacketTooShortError(f"{len(data)} octets, a reflected STAMP packet has at least {BASE_SIZE}")
    return ReflectedPacket._make(_REFLECTED.unpack_from(data))


def ntp_timestamp(unix_ns: int) -> int:
    """Return nanoseconds since 1970 as an NTP 64-bit timestamp; its era is dropped (it wraps in 2036)."""
    seconds, ns = divmod(unix_ns, NS_PER_S)
    return ((seconds + NTP_EPOCH_OFFSET_S) & 0xFFFF_FFFF) << 32 | (ns << 32) // NS_PER_S


def pack_error_estimate(*, synchronised: bool, error_ns: int) -> int:
    """Return the 16 bits S, Z=0 (NTP format), Scale, Multiplier (RFC 4656, section 4.1.2; RFC 8186 for Z).

    The error is Multiplier * 2**-32 * 2**Scale seconds, rounded up; the multiplier is never zero.
    """
    units = max(1, -(-(error_ns << 32) // NS_PER_S))
    scale = max(0, units.bit_length() - _MULTIPLIER_MASK.bit_length())
    multiplier = -(-units >> scale)
    if multiplier > _MULTIPLIER_MASK:
        scale, multiplier = scale + 1, (multiplier + 1) >> 1
    if scale > _SCALE_MASK:
        scale, multiplier = _SCALE_MASK, _MULTIPLIER_MASK
    return (_SYNCHRONISED if synchronised else 0) | scale << _SCALE_SHIFT | multiplier


def unpack_error_estimate(field: int) -> ErrorEstimate:
    """Read the 16 bits of an Error Estimate."""
    scale = field >> _SCALE_SHIFT & _SCALE_MASK
    return ErrorEstimate(bool(field & _SYNCHRONISED), (field & _MULTIPLIER_MASK) * 2.0 ** (scale - 32))
