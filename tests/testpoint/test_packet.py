"""The STAMP packets are those of RFC 8762, octet by octet."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_testpoint.errors import PacketTooShortError
from pantau_testpoint.stamp.packet import (
    BASE_SIZE,
    NS_PER_S,
    NTP_EPOCH_OFFSET_S,
    ReflectedPacket,
    SenderPacket,
    ntp_timestamp,
    pack_error_estimate,
    pack_reflected,
    pack_sender,
    unpack_error_estimate,
    unpack_reflected,
    unpack_sender,
)

# 2026-01-01T00:00:00.5Z is 1,767,225,600 s after 1970: 3,976,214,400 = 0xED003780 s after 1900, and a half.
NEW_YEAR_2026_NS = 1_767_225_600_500_000_000
NEW_YEAR_2026_NTP = 0xED003780_80000000

# The octets that the agent's sender is held to as well: sequence numbers 7 and 2, Error Estimates of about
# 1 ms (S=1, Scale 15 and S=0, Scale 1; Multiplier 132), SSID BEEF, TTL 63.
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "stamp" / "packets.json").read_text())
SENDER_OCTETS = bytes.fromhex(GOLDEN["sender"]["octets"])
REFLECTED_OCTETS = bytes.fromhex(GOLDEN["reflected"]["octets"])
SENDER = SenderPacket(7, NEW_YEAR_2026_NTP, 0x8F84, 0xBEEF)
REFLECTED = ReflectedPacket(
    sequence_number=2,
    timestamp=NEW_YEAR_2026_NTP + 1,
    error_estimate=0x0184,
    ssid=0xBEEF,
    receive_timestamp=NEW_YEAR_2026_NTP,
    sender_sequence_number=7,
    sender_timestamp=0xED003780_40000000,
    sender_error_estimate=0x8F84,
    sender_ttl=63,
)

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))


def test_sender_packet_is_the_rfc_figure() -> None:
    assert pack_sender(SENDER) == SENDER_OCTETS
    assert unpack_sender(SENDER_OCTETS) == SENDER


def test_reflected_packet_is_the_rfc_figure() -> None:
    assert pack_reflected(REFLECTED) == REFLECTED_OCTETS
    assert unpack_reflected(REFLECTED_OCTETS) == REFLECTED


def test_both_packets_have_44_octets() -> None:
    assert len(SENDER_OCTETS) == len(REFLECTED_OCTETS) == BASE_SIZE == 44


@given(st.builds(SenderPacket, u32, u64, u16, u16))
def test_sender_packet_survives_the_round_trip(packet: SenderPacket) -> None:
    assert unpack_sender(pack_sender(packet)) == packet


@given(st.builds(ReflectedPacket, u32, u64, u16, u16, u64, u32, u64, u16, u8))
def test_reflected_packet_survives_the_round_trip(packet: ReflectedPacket) -> None:
    assert unpack_reflected(pack_reflected(packet)) == packet


@given(st.binary(max_size=BASE_SIZE - 1))
def test_less_than_44_octets_is_no_test_packet(octets: bytes) -> None:
    with pytest.raises(PacketTooShortError):
        unpack_sender(octets)
    with pytest.raises(PacketTooShortError):
        unpack_reflected(octets)


@given(st.binary(max_size=200))
def test_what_follows_the_base_packet_does_not_change_it(rest: bytes) -> None:
    assert unpack_sender(SENDER_OCTETS + rest) == SENDER


def test_ntp_timestamp_counts_from_1900() -> None:
    assert ntp_timestamp(0) == NTP_EPOCH_OFFSET_S << 32
    assert ntp_timestamp(NEW_YEAR_2026_NS) == NEW_YEAR_2026_NTP


def test_ntp_timestamp_wraps_into_the_next_era() -> None:
    era_1_ns = (2**32 - NTP_EPOCH_OFFSET_S) * NS_PER_S
    assert ntp_timestamp(era_1_ns - 1) >> 32 == 2**32 - 1
    assert ntp_timestamp(era_1_ns) == 0


@given(st.integers(0, 4_000_000_000 * NS_PER_S))
def test_ntp_timestamp_is_exact_to_the_nanosecond(unix_ns: int) -> None:
    fraction = ntp_timestamp(unix_ns) & 0xFFFF_FFFF
    assert -(-fraction * NS_PER_S >> 32) == unix_ns % NS_PER_S


def test_error_estimate_of_one_millisecond() -> None:
    # 0.001 s is 4,294,967.3 units of 2**-32 s: 132 * 2**15 is the next that fits.
    assert pack_error_estimate(synchronised=True, error_ns=1_000_000) == 0x8F84
    assert pack_error_estimate(synchronised=False, error_ns=1_000_000) == 0x0F84


def test_error_estimate_has_no_zero_multiplier() -> None:
    assert pack_error_estimate(synchronised=True, error_ns=0) == 0x8001


@given(st.booleans(), st.integers(0, 10**15))
def test_error_estimate_is_rounded_up_by_less_than_one_percent(synchronised: bool, error_ns: int) -> None:
    estimate = unpack_error_estimate(pack_error_estimate(synchronised=synchronised, error_ns=error_ns))
    assert estimate.synchronised == synchronised
    assert error_ns / NS_PER_S <= estimate.error_s * (1 + 1e-12)
    assert estimate.error_s <= error_ns / NS_PER_S * 1.008 + 2.0**-32


def test_error_estimate_beyond_its_range_is_the_largest() -> None:
    assert pack_error_estimate(synchronised=False, error_ns=10**30) == 0x3FFF
