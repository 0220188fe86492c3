"""The packets of NTP as pure functions (RFC 5905, section 7.3; the server's part of RFC 4330, section 6).

All numbers are big-endian. Timestamps are NTP 64-bit, see `ntp_timestamp`.
"""

import struct
from typing import NamedTuple

from pantau_testpoint.stamp.clock import ClockQuality
from pantau_testpoint.stamp.packet import NS_PER_S, ntp_timestamp

SIZE = 48
CLIENT_MODE = 3
SERVER_MODE = 4
VERSIONS = range(1, 5)
NO_LEAP = 0
UNSYNCHRONISED_LEAP = 3
UNSYNCHRONISED_STRATUM = 16
STRATUM = 10
"""Far from the reference clocks: the kernel does not tell how far, and a client that has better keeps it."""

PRECISION_EXPONENT = -20
"""Reading the clock takes about a microsecond."""

REFERENCE_ID = bytes((127, 127, 1, 1))
"""The local clock, as ntpd and chrony name it: which server disciplines it, the kernel does not tell."""

# Leap, version and mode; stratum, poll, precision; root delay and dispersion (16.16 s), reference id;
# reference, origin, receive and transmit timestamp.
_PACKET = struct.Struct("!BBbbII4sQQQQ")


class Request(NamedTuple):
    """What of a client's request goes into the answer."""

    version: int
    poll_exponent: int
    transmit_timestamp: int


class Reply(NamedTuple):
    """What a server says; the fields are those of the packet."""

    leap: int
    version: int
    mode: int
    stratum: int
    poll_exponent: int
    precision_exponent: int
    root_delay: int
    root_dispersion: int
    reference_id: bytes
    reference_timestamp: int
    origin_timestamp: int
    receive_timestamp: int
    transmit_timestamp: int


def read_request(data: bytes) -> Request | None:
    """Read a client's request, None for anything else; extension fields and digests are passed over."""
    if len(data) < SIZE:
        return None
    first, _, poll_exponent, *_, transmit_timestamp = _PACKET.unpack_from(data)
    version, mode = first >> 3 & 7, first & 7
    if mode != CLIENT_MODE or version not in VERSIONS:
        return None
    return Request(version, poll_exponent, transmit_timestamp)


def answer(request: Request, quality: ClockQuality, received_ns: int, now_ns: int) -> Reply:
    """Return the answer of a clock of this quality; times are ns since 1970."""
    synchronised = quality.synchronised
    receive_timestamp = ntp_timestamp(received_ns)
    return Reply(
        leap=NO_LEAP if synchronised else UNSYNCHRONISED_LEAP,
        version=request.version,
        mode=SERVER_MODE,
        stratum=STRATUM if synchronised else UNSYNCHRONISED_STRATUM,
        poll_exponent=request.poll_exponent,
        precision_exponent=PRECISION_EXPONENT,
        root_delay=0,
        root_dispersion=min((quality.error_ns << 16) // NS_PER_S + 1, 0xFFFF_FFFF),
        reference_id=REFERENCE_ID,
        reference_timestamp=receive_timestamp if synchronised else 0,
        origin_timestamp=request.transmit_timestamp,
        receive_timestamp=receive_timestamp,
        transmit_timestamp=ntp_timestamp(now_ns),
    )


def pack(reply: Reply) -> bytes:
    """Return the 48 octets of an answer."""
    return _PACKET.pack(reply.leap << 6 | reply.version << 3 | reply.mode, *reply[3:])


def unpack(data: bytes) -> Reply:
    """Read the 48 octets of an answer."""
    first, *rest = _PACKET.unpack(data)
    return Reply(first >> 6, first >> 3 & 7, first & 7, *rest)
