"""The two modes of STAMP, and which packets a reflector takes (RFC 8762, sections 4.2 to 4.4).

In authenticated mode the fields stand in blocks of 16 octets, and the first 96 octets are signed with
HMAC-SHA-256, truncated to 128 bits (RFC 4868), under a key that both sides have from elsewhere.
"""

import hmac
import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pantau_testpoint.errors import PacketTooShortError, WrongHmacError
from pantau_testpoint.stamp.packet import (
    BASE_SIZE,
    ReflectedPacket,
    SenderPacket,
    pack_reflected,
    pack_sender,
    unpack_reflected,
    unpack_sender,
)

AUTHENTICATED_SIZE = 112
HMAC_SIZE = 16
SIGNED_SIZE = AUTHENTICATED_SIZE - HMAC_SIZE

# Sequence Number, 12 octets of MBZ, Timestamp, Error Estimate, SSID (RFC 8972, section 3), 68 of MBZ.
_SENDER = struct.Struct("!I12xQHH68x")
# Sequence Number, 12 octets of MBZ, Timestamp, Error Estimate, SSID, 4 of MBZ, Receive Timestamp, 8 of MBZ,
# Session-Sender Sequence Number, 12 of MBZ, Session-Sender Timestamp, Session-Sender Error Estimate, 6 of
# MBZ, Session-Sender TTL, 15 of MBZ.
_REFLECTED = struct.Struct("!I12xQHH4xQ8xI12xQH6xB15x")
# Where authenticated mode has MBZ, and the other Timestamp, Error Estimate and SSID.
_TELLS_MODES_APART = slice(4, 16)


class Mode(Protocol):
    """How packets are written and read; `size` is what each has in octets, in either direction."""

    size: int

    def pack_sender(self, packet: SenderPacket) -> bytes:
        """Return the octets of a Session-Sender's packet."""
        ...

    def unpack_sender(self, data: bytes) -> SenderPacket:
        """Read a Session-Sender's packet. Raises PacketTooShortError or WrongHmacError."""
        ...

    def pack_reflected(self, packet: ReflectedPacket) -> bytes:
        """Return the octets of a reflected packet."""
        ...

    def unpack_reflected(self, data: bytes) -> ReflectedPacket:
        """Read a reflected packet. Raises PacketTooShortError or WrongHmacError."""
        ...


class Unauthenticated:
    """RFC 8762, sections 4.2.1 and 4.3.1."""

    size = BASE_SIZE
    pack_sender = staticmethod(pack_sender)
    unpack_sender = staticmethod(unpack_sender)
    pack_reflected = staticmethod(pack_reflected)
    unpack_reflected = staticmethod(unpack_reflected)


class Authenticated:
    """RFC 8762, sections 4.2.2 and 4.3.2, with one key."""

    size = AUTHENTICATED_SIZE

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pack_sender(self, packet: SenderPacket) -> bytes:
        """Return the 112 octets of a Session-Sender's packet."""
        return self._sign(_SENDER.pack(*packet))

    def unpack_sender(self, data: bytes) -> SenderPacket:
        """Read a Session-Sender's packet. Raises PacketTooShortError or WrongHmacError."""
        self._check(data)
        return SenderPacket._make(_SENDER.unpack_from(data))

    def pack_reflected(self, packet: ReflectedPacket) -> bytes:
        """Return the 112 octets of a reflected packet."""
        return self._sign(_REFLECTED.pack(*packet))

    def unpack_reflected(self, data: bytes) -> ReflectedPacket:
        """Read a reflected packet. Raises PacketTooShortError or WrongHmacError."""
        self._check(data)
        return ReflectedPacket._make(_REFLECTED.unpack_from(data))

    def _sign(self, signed: bytes) -> bytes:
        return signed + self._hmac(signed)

    def _check(self, data: bytes) -> None:
        if len(data) < AUTHENTICATED_SIZE:
            raise PacketTooShortError(f"{len(data)} octets, authenticated STAMP has {AUTHENTICATED_SIZE}")
        if not hmac.compare_digest(self._hmac(data[:SIGNED_SIZE]), data[SIGNED_SIZE:AUTHENTICATED_SIZE]):
            raise WrongHmacError("the HMAC is wrong")

    def _hmac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")[:HMAC_SIZE]


class Accepted(NamedTuple):
    """A packet that is to be answered, and the mode to answer in."""

    packet: SenderPacket
    mode: Mode


class Acceptance:
    """Which packets are answered: without keys unauthenticated ones, with keys only what is signed with one.

    With keys and `unauthenticated` both are. A packet whose HMAC is wrong is then told from an
    unauthenticated one with padding by octets 4 to 15: zero in authenticated mode, and in the other mode
    never, as an Error Estimate has no zero multiplier (RFC 4656, section 4.1.2).
    """

    def __init__(self, keys: Sequence[bytes] = (), *, unauthenticated: bool = False) -> None:
        self._signed = [Authenticated(key) for key in keys]
        self._unsigned = Unauthenticated() if unauthenticated or not keys else None

    def read(self, data: bytes) -> Accepted:
        """Return the packet and its mode. Raises PacketTooShortError or WrongHmacError."""
        if self._unsigned is not None and not (self._signed and _claims_to_be_signed(data)):
            return Accepted(self._unsigned.unpack_sender(data), self._unsigned)
        for mode in self._signed[:-1]:
            try:
                return Accepted(mode.unpack_sender(data), mode)
            except WrongHmacError:
                continue
        return Accepted(self._signed[-1].unpack_sender(data), self._signed[-1])


def _claims_to_be_signed(data: bytes) -> bool:
    return len(data) >= AUTHENTICATED_SIZE and not any(data[_TELLS_MODES_APART])
