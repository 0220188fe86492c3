"""The sender's STAMP codec: the same octets as the testpoint's, and the time at the reflector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.probes.stamp_loss import FIRST_NUMBER
from pantau_agent.probes.stamp_packet import (
    AUTHENTICATED_SIZE,
    BASE_SIZE,
    NS_PER_S,
    Authenticated,
    Codec,
    Reply,
    Request,
    Unauthenticated,
    codec_of,
    ntp_timestamp,
)
from pantau_testpoint.stamp import modes
from pantau_testpoint.stamp import packet as testpoint

FOLDER = Path(__file__).parents[2] / "golden" / "stamp"
UNSIGNED = json.loads((FOLDER / "packets.json").read_text())
SIGNED = json.loads((FOLDER / "authenticated.json").read_text())
KEY = bytes.fromhex(SIGNED["key"])
CODEC = Unauthenticated()
SIGNING = Authenticated(KEY)
MODES = pytest.mark.parametrize(
    ("codec", "golden"), [(CODEC, UNSIGNED), (SIGNING, SIGNED)], ids=["unauthenticated", "authenticated"]
)
NEW_YEAR_2026_NS = 1_767_225_600_500_000_000

u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (16, 32, 64))


@MODES
def test_a_request_is_the_figure_of_the_rfc(codec: Codec, golden: Any) -> None:
    golden = golden["sender"]
    request = Request(
        golden["sequence_number"],
        int(golden["timestamp"], 16),
        int(golden["error_estimate"], 16),
        int(golden["ssid"], 16),
    )
    assert codec.pack(request) == bytes.fromhex(golden["octets"])
    assert codec.size == len(codec.pack(request))


@MODES
def test_a_reply_is_read_as_the_figure_of_the_rfc(codec: Codec, golden: Any) -> None:
    golden = golden["reflected"]
    assert codec.unpack(bytes.fromhex(golden["octets"])) == Reply(
        number=golden["sequence_number"],
        timestamp=int(golden["timestamp"], 16),
        error_estimate=int(golden["error_estimate"], 16),
        ssid=int(golden["ssid"], 16),
        received=int(golden["receive_timestamp"], 16),
        sender_number=golden["sender_sequence_number"],
        sender_timestamp=int(golden["sender_timestamp"], 16),
    )


@given(st.builds(Request, u32, u64, u16, u16))
def test_the_testpoint_reads_what_the_sender_writes(request: Request) -> None:
    assert tuple(testpoint.unpack_sender(CODEC.pack(request))) == request
    assert tuple(modes.Authenticated(KEY).unpack_sender(SIGNING.pack(request))) == request


@given(st.binary(max_size=300))
def test_nothing_but_a_signed_reply_is_one(octets: bytes) -> None:
    assert SIGNING.unpack(octets) is None


@given(st.integers(0, AUTHENTICATED_SIZE - 1), st.integers(1, 255), st.binary(max_size=50))
def test_no_octet_of_a_signed_reply_can_be_changed(position: int, change: int, rest: bytes) -> None:
    octets = bytearray.fromhex(SIGNED["reflected"]["octets"])
    assert SIGNING.unpack(bytes(octets) + rest) == SIGNING.unpack(bytes(octets)) is not None
    assert SIGNING.unpack(bytes(octets[:-1])) is None
    octets[position] ^= change
    assert SIGNING.unpack(bytes(octets) + rest) is None


@given(st.builds(Request, st.integers(1, 2**32 - 1), u64, u16, u16))
def test_a_request_that_comes_back_answers_no_packet_of_ours(request: Request) -> None:
    """Its signature is right, but where a reply has our number it has 0, which none of ours has."""
    reply = SIGNING.unpack(SIGNING.pack(request))
    assert reply is not None
    assert reply.sender_number == 0 < FIRST_NUMBER


def test_a_key_chooses_the_mode() -> None:
    assert isinstance(codec_of(None), Unauthenticated)
    assert isinstance(codec_of(KEY), Authenticated)


@given(st.binary(max_size=BASE_SIZE - 1))
def test_less_than_44_octets_is_no_reply(octets: bytes) -> None:
    assert CODEC.unpack(octets) is None


@given(st.binary(min_size=BASE_SIZE, max_size=200))
def test_any_44_octets_are_read_and_the_rest_is_left(octets: bytes) -> None:
    reply = CODEC.unpack(octets)
    assert reply is not None
    assert reply == CODEC.unpack(octets[:BASE_SIZE])
    assert abs(reply.dwell_ns) <= 2**31 * NS_PER_S


@given(st.integers(0, 10**19))
def test_both_sides_write_the_same_time(unix_ns: int) -> None:
    assert ntp_timestamp(unix_ns) == testpoint.ntp_timestamp(unix_ns)


def dwell_ns(received: int, sent: int, error_estimate: int = 1) -> int:
    return Reply(0, sent, error_estimate, 0, received, 0, 0).dwell_ns


@given(st.integers(0, 4_000_000_000 * NS_PER_S), st.integers(-NS_PER_S, NS_PER_S))
def test_the_time_at_the_reflector_is_exact_to_the_nanosecond(at_ns: int, stayed_ns: int) -> None:
    """Also where seconds of the NTP era run out in 2036."""
    found = dwell_ns(ntp_timestamp(at_ns), ntp_timestamp(at_ns + stayed_ns))
    assert abs(found - stayed_ns) <= 1


def test_a_reflector_with_ptp_timestamps_is_understood() -> None:
    second = 1_767_225_600 << 32
    assert dwell_ns(second + 999_999_000, second + (1 << 32) + 1_000, 0x4001) == 2_000
