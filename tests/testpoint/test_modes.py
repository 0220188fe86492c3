"""Authenticated STAMP packets are those of RFC 8762, octet by octet, and only what is signed is taken."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_testpoint.errors import PacketTooShortError, WrongHmacError
from pantau_testpoint.stamp.modes import (
    AUTHENTICATED_SIZE,
    Acceptance,
    Authenticated,
    Unauthenticated,
)
from pantau_testpoint.stamp.packet import ReflectedPacket, SenderPacket

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "stamp" / "authenticated.json").read_text())
SENDER_OCTETS = bytes.fromhex(GOLDEN["sender"]["octets"])
REFLECTED_OCTETS = bytes.fromhex(GOLDEN["reflected"]["octets"])
KEY = bytes.fromhex(GOLDEN["key"])
OTHER_KEY = bytes(32)
MODE = Authenticated(KEY)
SENDER = SenderPacket(7, 0xED003780_80000000, 0x8F84, 0xBEEF)
REFLECTED = ReflectedPacket(
    sequence_number=2,
    timestamp=0xED003780_80000001,
    error_estimate=0x0184,
    ssid=0xBEEF,
    receive_timestamp=0xED003780_80000000,
    sender_sequence_number=7,
    sender_timestamp=0xED003780_40000000,
    sender_error_estimate=0x8F84,
    sender_ttl=63,
)

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
senders = st.builds(SenderPacket, u32, u64, st.integers(1, 2**16 - 1), u16)
reflected = st.builds(ReflectedPacket, u32, u64, u16, u16, u64, u32, u64, u16, u8)
positions = st.integers(0, AUTHENTICATED_SIZE - 1)


def flipped(octets: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[position] ^= 1 << bit
    return bytes(changed)


def test_both_packets_are_the_rfc_figures() -> None:
    assert MODE.pack_sender(SENDER) == SENDER_OCTETS
    assert MODE.unpack_sender(SENDER_OCTETS) == SENDER
    assert MODE.pack_reflected(REFLECTED) == REFLECTED_OCTETS
    assert MODE.unpack_reflected(REFLECTED_OCTETS) == REFLECTED
    assert len(SENDER_OCTETS) == len(REFLECTED_OCTETS) == AUTHENTICATED_SIZE == 112


@given(senders, reflected, st.binary(min_size=16, max_size=64))
def test_packets_survive_the_round_trip(sender: SenderPacket, reply: ReflectedPacket, key: bytes) -> None:
    mode = Authenticated(key)
    assert mode.unpack_sender(mode.pack_sender(sender)) == sender
    assert mode.unpack_reflected(mode.pack_reflected(reply)) == reply


@given(positions, st.integers(0, 7))
def test_no_bit_can_be_changed(position: int, bit: int) -> None:
    with pytest.raises(WrongHmacError):
        MODE.unpack_sender(flipped(SENDER_OCTETS, position, bit))
    with pytest.raises(WrongHmacError):
        MODE.unpack_reflected(flipped(REFLECTED_OCTETS, position, bit))


@given(st.binary(max_size=AUTHENTICATED_SIZE - 1))
def test_less_than_112_octets_is_no_authenticated_packet(octets: bytes) -> None:
    with pytest.raises(PacketTooShortError):
        MODE.unpack_sender(octets)


@given(st.binary(max_size=300))
def test_whatever_comes_is_refused_in_one_of_two_ways(octets: bytes) -> None:
    for acceptance in (Acceptance([KEY]), Acceptance([KEY, OTHER_KEY], unauthenticated=True)):
        try:
            accepted = acceptance.read(octets)
        except (PacketTooShortError, WrongHmacError):
            continue
        assert isinstance(accepted.mode, Unauthenticated)


@given(senders)
def test_without_keys_only_unauthenticated_packets_exist(sender: SenderPacket) -> None:
    accepted = Acceptance().read(Unauthenticated.pack_sender(sender))
    assert accepted.packet == sender
    assert isinstance(accepted.mode, Unauthenticated)


@given(senders, st.binary(max_size=200))
def test_with_keys_every_key_is_taken_and_nothing_unsigned(sender: SenderPacket, rest: bytes) -> None:
    acceptance = Acceptance([OTHER_KEY, KEY])
    for key in (KEY, OTHER_KEY):
        mode = Authenticated(key)
        accepted = acceptance.read(mode.pack_sender(sender) + rest)
        assert accepted.packet == sender
        assert accepted.mode.pack_reflected(REFLECTED) == mode.pack_reflected(REFLECTED)
    with pytest.raises((PacketTooShortError, WrongHmacError)):
        acceptance.read(Unauthenticated.pack_sender(sender) + rest)
    with pytest.raises(WrongHmacError):
        acceptance.read(Authenticated(bytes(range(7, 30))).pack_sender(sender) + rest)


@given(senders, st.binary(max_size=200))
def test_both_kinds_are_told_apart_also_with_padding(sender: SenderPacket, rest: bytes) -> None:
    acceptance = Acceptance([KEY], unauthenticated=True)
    unsigned = acceptance.read(Unauthenticated.pack_sender(sender) + rest)
    assert (unsigned.packet, unsigned.mode.size) == (sender, 44)
    signed = acceptance.read(MODE.pack_sender(sender) + rest)
    assert (signed.packet, signed.mode.size) == (sender, 112)
    with pytest.raises(WrongHmacError):
        acceptance.read(Authenticated(OTHER_KEY).pack_sender(sender) + rest)
