"""The test packets of STAMP as a Session-Sender sees them (RFC 8762), in both of its modes.

All numbers are unsigned and big-endian. Timestamps are NTP 64-bit: seconds since 1900-01-01 UTC in the
upper half, the fraction of a second in units of 2**-32 s in the lower (RFC 5905, section 6). The
testpoint has a codec of its own: the two meet on the wire, and in `tests/golden/stamp`.
"""

from __future__ import annotations

import hmac
import struct
from typing import NamedTuple, Protocol

NS_PER_S = 1_000_000_000
NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01 (RFC 5905)."""

BASE_SIZE = 44
AUTHENTICATED_SIZE = 112
HMAC_SIZE = 16
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
# The same fields in authenticated mode, each group in a block of 16 octets of its own. The request is whole
# but for its HMAC; of the reply the last fields are not needed here either.
_SIGNED_REQUEST = struct.Struct("!I12xQHH68x")
_SIGNED_REPLY = struct.Struct("!I12xQHH4xQ8xI12xQ")
_SIGNED_PART = slice(AUTHENTICATED_SIZE - HMAC_SIZE)
_HMAC_PART = slice(AUTHENTICATED_SIZE - HMAC_SIZE, AUTHENTICATED_SIZE)


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
    """A mode of STAMP; `size` is what a packet of it has in octets, in either direction."""

    size: int

    def pack(self, request: Request) -> bytes:
        """Return the octets of a request."""
        ...

    def unpack(self, octets: bytes) -> Reply | None:
        """Return the reply, or None if these octets are none."""
        ...


class Unauthenticated:
    """RFC 8762, sections 4.2.1 and 4.3.1."""

    size = BASE_SIZE

    def pack(self, request: Request) -> bytes:
        """Return the 44 octets of a request."""
        return _REQUEST.pack(*request)

    def unpack(self, octets: bytes) -> Reply | None:
        """Return the reply in the first 44 octets, or None if there are fewer; TLVs may follow."""
        return Reply._make(_REPLY.unpack_from(octets)) if len(octets) >= BASE_SIZE else None


class Authenticated:
    """RFC 8762, sections 4.2.2 and 4.3.2; the first 96 octets are signed with the shared `key` (section 4.4).

    A request of ours that somebody sends back to us is signed well, yet no reply: its Session-Sender
    Sequence Number is 0, which we never send (`stamp_loss`).
    """

    size = AUTHENTICATED_SIZE

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pack(self, request: Request) -> bytes:
        """Return the 112 octets of a request."""
        signed = _SIGNED_REQUEST.pack(*request)
        return signed + self._hmac(signed)

    def unpack(self, octets: bytes) -> Reply | None:
        """Return the reply in the first 112 octets, or None if there are fewer or their HMAC is wrong."""
        signed = octets[_SIGNED_PART]
        if len(octets) < self.size or not hmac.compare_digest(self._hmac(signed), octets[_HMAC_PART]):
            return None
        return Reply._make(_SIGNED_REPLY.unpack_from(octets))

    def _hmac(self, signed: bytes) -> bytes:
        """Return HMAC-SHA-256, truncated to 128 bits as in RFC 4868."""
        return hmac.digest(self._key, signed, "sha256")[:HMAC_SIZE]


def codec_of(key: bytes | None) -> Codec:
    """Return the authenticated mode where there is a key."""
    return Unauthenticated() if key is None else Authenticated(key)


def ntp_timestamp(unix_ns: int) -> int:
    """Return nanoseconds since 1970 as an NTP 64-bit timestamp; its era is dropped (it wraps in 2036)."""
    seconds, ns = divmod(unix_ns, NS_PER_S)
    return ((seconds + NTP_EPOCH_OFFSET_S) & 0xFFFF_FFFF) << 32 | (ns << 32) // NS_PER_S


def _nanoseconds(timestamp: int, is_ptp: bool) -> int:
    seconds, fraction = divmod(timestamp, 2**32)
    return seconds * NS_PER_S + (fraction if is_ptp else fraction * NS_PER_S >> 32)
