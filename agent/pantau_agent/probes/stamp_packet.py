"""The test packets of STAMP as a Session-Sender sees them (RFC 8762), as pure functions.

All numbers are unsigned and big-endian. Timestamps are NTP 64-bit: seconds since 1900-01-01 UTC in the
upper half, the fraction of a second in units of 2**-32 s in the lower (RFC 5905, section 6). The
testpoint has a codec of its own: the two meet on the wire, and in `tests/golden/stamp`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

NS_PER_S = 1_000_000_000
NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01 (RFC 5905)."""

BASE_SIZE = 44
UNKNOWN_ERROR = 0x1D80
"""Error Estimate: not synchronised, 128 * 2**29 * 2**-32 s = 16 s (RFC 4656, section 4.1.2).

A round trip needs no true clock, so nothing better is claimed here.
"""

_PTP_FORMAT = 0x4000  # Z of the Error Estimate (RFC 8186): the fraction counts nanoseconds
_HALF_NS = 2**31 * NS_PER_S

# Sequence Number, Timestamp, Error Estimate, SSID (RFC 8972, section 3), 28 octets of MBZ.
_REQUEST = struct.Struct("!IQHH28x")
# Sequence Number, Timestamp, Error Estimate, SSID, Receive Timestamp, Session-Sender Sequence Number,
# Session-Sender Timestamp; what follows is not needed: the sender's Error Estimate and TTL.
_REPLY = struct.Struct("!IQHHQIQ")


class Request(NamedTuple):
    """What the Session-Sender sends; `timestamp` is T1."""

    number: int
    timestamp: int
    error_estimate: int = UNKNOWN_ERROR
    ssid: int = 0


class Reply(NamedTuple):
    """What the Session-Reflector answers: T3 as `timestamp`, T2 as `received`, and copies of the request."""

    number: int
    timestamp: int
    error_estimate: int
    ssid: int
    received: int
    sender_number: int
    sender_timestamp: int

    @property
    def dwell_ns(self) -> int:
        """T3 - T2: how long the packet stayed with the reflector; below 0 if its clock was set back."""
        is_ptp = bool(self.error_estimate & _PTP_FORMAT)
        difference = _nanoseconds(self.timestamp, is_ptp) - _nanoseconds(self.received, is_ptp)
        return (difference + _HALF_NS) % (2 * _HALF_NS) - _HALF_NS


class Codec(Protocol):
    """A mode of STAMP. Another than the unauthenticated, with its HMAC, is another class with these two."""

    def pack(self, request: Request) -> bytes:
        """Return the octets of a request."""
        ...

    def unpack(self, octets: bytes) -> Reply | None:
        """Return the reply, or None if these octets are none."""
        ...


class Unauthenticated:
    """RFC 8762, sections 4.2.1 and 4.3.1."""

    def pack(self, request: Request) -> bytes:
        """Return the 44 octets of a request."""
        return _REQUEST.pack(*request)

    def unpack(self, octets: bytes) -> Reply | None:
        """Return the reply in the first 44 octets, or None if there are fewer; TLVs may follow."""
        return Reply._make(_REPLY.unpack_from(octets)) if len(octets) >= BASE_SIZE else None


def ntp_timestamp(unix_ns: int) -> int:
    """Return nanoseconds since 1970 as an NTP 64-bit timestamp; its era is dropped (it wraps in 2036)."""
    seconds, ns = divmod(unix_ns, NS_PER_S)
    return ((seconds + NTP_EPOCH_OFFSET_S) & 0xFFFF_FFFF) << 32 | (ns << 32) // NS_PER_S


def _nanoseconds(timestamp: int, is_ptp: bool) -> int:
    seconds, fraction = divmod(timestamp, 2**32)
    return seconds * NS_PER_S + (fraction if is_ptp else fraction * NS_PER_S >> 32)
