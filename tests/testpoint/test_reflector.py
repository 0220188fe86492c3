"""A real reflector answers real datagrams on loopback."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from pantau_testpoint.listening import listen_udp
from pantau_testpoint.stamp.arrival import IP_RECVTTL
from pantau_testpoint.stamp.modes import Acceptance, Authenticated, Unauthenticated
from pantau_testpoint.stamp.packet import (
    BASE_SIZE,
    ReflectedPacket,
    SenderPacket,
    ntp_timestamp,
    pack_sender,
    unpack_reflected,
)
from pantau_testpoint.stamp.reflector import Reflector
from pantau_testpoint.stamp.sessions import SourceAllowance

NTP_SECOND = 2**32
KEY = bytes(range(32))
SIGNED = Authenticated(KEY)
REQUEST = SenderPacket(9, 0x1122, 0x8001, 77)


@contextlib.contextmanager
def reflecting(
    host: str = "127.0.0.1",
    *,
    stateful: bool = True,
    allowance: SourceAllowance | None = None,
    acceptance: Acceptance | None = None,
) -> Iterator[tuple[Reflector, tuple[str, int]]]:
    log = structlog.get_logger()
    with (
        listen_udp(host, 0) as sock,
        Reflector(sock, log, stateful=stateful, allowance=allowance, acceptance=acceptance) as reflector,
    ):
        yield reflector, (host, sock.getsockname()[1])


@contextlib.contextmanager
def sending(host: str = "127.0.0.1", port: int = 0) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10.0)
        sock.bind((host, port))
        yield sock


def ask(sock: socket.socket, to: tuple[str, int], number: int = 0, ssid: int = 0) -> ReflectedPacket:
    sock.sendto(pack_sender(SenderPacket(number, 0x1122, 0x8001, ssid)), to)
    return unpack_reflected(sock.recv(65_535))


def test_the_reply_copies_what_the_sender_sent() -> None:
    with reflecting() as (_, to), sending() as sock:
        reply = ask(sock, to, number=9, ssid=77)
    assert reply.sender_sequence_number == 9
    assert reply.sender_timestamp == 0x1122
    assert reply.sender_error_estimate == 0x8001
    assert reply.ssid == 77


def test_the_reply_was_received_before_it_was_sent_and_both_while_we_waited() -> None:
    with reflecting() as (_, to), sending() as sock:
        before = ntp_timestamp(time.time_ns())
        reply = ask(sock, to)
        after = ntp_timestamp(time.time_ns())
    assert before <= reply.receive_timestamp <= reply.timestamp <= after


def test_the_reply_tells_the_ttl_that_was_left() -> None:
    with reflecting() as (_, to), sending() as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 77)
        assert ask(sock, to).sender_ttl == 77


def test_the_reply_leaves_with_ttl_255() -> None:
    with reflecting() as (_, to), sending() as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.sendto(pack_sender(SenderPacket(0, 0, 1)), to)
        _, ancillary, _, _ = sock.recvmsg(100, 100)
    assert [struct.unpack("=i", data) for _, _, data in ancillary] == [(255,)]


def test_ipv6_replies_tell_the_hop_limit() -> None:
    try:
        with reflecting("::1") as (_, to), sending("::1") as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 88)
            assert ask(sock, to).sender_ttl == 88
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback here: {error}")


def test_stateful_replies_are_numbered_per_session() -> None:
    with reflecting() as (_, to), sending() as first, sending() as second:
        numbers = [ask(sock, to, number=50).sequence_number for sock in (first, second, first, first, second)]
    assert numbers == [0, 0, 1, 2, 1]


def test_sessions_of_one_socket_are_told_apart_by_ssid() -> None:
    with reflecting() as (_, to), sending() as sock:
        assert [ask(sock, to, ssid=ssid).sequence_number for ssid in (1, 1, 2, 1)] == [0, 1, 0, 2]


def test_stateless_replies_carry_the_number_of_the_request() -> None:
    with reflecting(stateful=False) as (_, to), sending() as sock:
        assert [ask(sock, to, number=number).sequence_number for number in (3, 1, 4)] == [3, 1, 4]


@pytest.mark.parametrize("size", [44, 45, 48, 100, 1472, 9000])
def test_a_reply_is_as_long_as_its_request_and_copies_the_rest(size: int) -> None:
    rest = bytes(number % 251 for number in range(size - BASE_SIZE))
    with reflecting() as (_, to), sending() as sock:
        sock.sendto(pack_sender(SenderPacket(0, 0, 1)) + rest, to)
        reply = sock.recv(65_535)
    assert len(reply) == size
    assert reply[BASE_SIZE:] == rest


def test_short_packets_are_counted_and_not_answered() -> None:
    with reflecting() as (reflector, to), sending() as sock:
        for octets in (b"", b"x", bytes(43)):
            sock.sendto(octets, to)
        assert ask(sock, to, number=4).sender_sequence_number == 4
    assert reflector.numbers()["ignored_count"] == 3
    assert reflector.numbers()["reflected_count"] == 1


def test_another_reflector_is_not_answered_for_the_two_would_never_stop() -> None:
    with reflecting() as (reflector, to), sending("127.0.0.2", to[1]) as other, sending() as sock:
        other.sendto(pack_sender(SenderPacket(0, 0, 1)), to)
        ask(sock, to)
    assert (reflector.ignored_count, reflector.reflected_count) == (1, 1)


def test_a_source_that_sends_too_fast_is_limited_and_the_change_is_logged() -> None:
    allowance = SourceAllowance(per_s=0.0, burst=3.0)
    with (
        capture_logs() as logs,
        reflecting(allowance=allowance) as (reflector, to),
        sending() as sock,
        sending("127.0.0.2") as other,
    ):
        for _ in range(3):
            ask(sock, to)
        for _ in range(5):
            sock.sendto(pack_sender(SenderPacket(0, 0, 1)), to)
        ask(other, to)
        reflector._limited_at = float("-inf")  # as if long ago
        ask(other, to)
    assert (reflector.reflected_count, reflector.limited_count) == (5, 5)
    assert [entry["event"] for entry in logs] == ["reflector.rate_limiting", "reflector.rate_normal"]


def test_a_sender_that_went_away_does_not_disturb_the_next() -> None:
    with reflecting() as (reflector, to), sending() as sock:
        with sending() as gone:
            gone.sendto(pack_sender(SenderPacket(0, 0, 1)), to)
        assert ask(sock, to, number=5).sender_sequence_number == 5
        assert reflector.alive


def test_the_reflector_stops_while_nothing_arrives() -> None:
    with reflecting() as (reflector, _):
        assert reflector.alive
    assert not reflector.alive


def test_a_signed_request_gets_a_signed_reply() -> None:
    with reflecting(acceptance=Acceptance([KEY])) as (_, to), sending() as sock:
        before = ntp_timestamp(time.time_ns())
        sock.sendto(SIGNED.pack_sender(REQUEST), to)
        reply = SIGNED.unpack_reflected(sock.recv(65_535))
        after = ntp_timestamp(time.time_ns())
    assert (reply.sequence_number, reply.ssid) == (0, 77)
    assert (reply.sender_sequence_number, reply.sender_timestamp, reply.sender_error_estimate) == (
        9,
        0x1122,
        0x8001,
    )
    assert before <= reply.receive_timestamp <= reply.timestamp <= after


@pytest.mark.parametrize("size", [112, 113, 1472])
def test_a_signed_reply_is_as_long_as_its_request(size: int) -> None:
    rest = bytes(number % 251 for number in range(size - SIGNED.size))
    with reflecting(acceptance=Acceptance([KEY])) as (_, to), sending() as sock:
        sock.sendto(SIGNED.pack_sender(REQUEST) + rest, to)
        reply = sock.recv(65_535)
    assert (len(reply), reply[SIGNED.size :]) == (size, rest)


def test_what_is_not_signed_with_a_key_of_ours_is_dropped_counted_and_logged_once() -> None:
    foreign = Authenticated(bytes(32))
    with (
        capture_logs() as logs,
        reflecting(acceptance=Acceptance([KEY])) as (reflector, to),
        sending() as sock,
    ):
        for octets in (
            foreign.pack_sender(REQUEST),
            bytes(112),
            Unauthenticated.pack_sender(REQUEST) + bytes(100),
        ):
            sock.sendto(octets, to)
        sock.sendto(Unauthenticated.pack_sender(REQUEST), to)
        sock.sendto(SIGNED.pack_sender(REQUEST), to)
        SIGNED.unpack_reflected(sock.recv(65_535))  # the first that comes back is the one that is right
        reflector._forged_at = float("-inf")  # as if long ago
        sock.sendto(SIGNED.pack_sender(REQUEST), to)
        sock.recv(65_535)
    numbers = reflector.numbers()
    assert (numbers["wrong_hmac_count"], numbers["ignored_count"], numbers["reflected_count"]) == (3, 1, 2)
    assert [entry["event"] for entry in logs] == ["reflector.wrong_hmac", "reflector.wrong_hmac_over"]


def test_forged_packets_use_up_nobodys_allowance() -> None:
    allowance = SourceAllowance(per_s=0.0, burst=1.0)
    with (
        reflecting(acceptance=Acceptance([KEY]), allowance=allowance) as (reflector, to),
        sending() as sock,
    ):
        for _ in range(5):
            sock.sendto(bytes(112), to)
        sock.sendto(SIGNED.pack_sender(REQUEST), to)
        SIGNED.unpack_reflected(sock.recv(65_535))
    assert (reflector.forged_count, reflector.limited_count) == (5, 0)


def test_both_modes_are_answered_where_both_are_wanted() -> None:
    with reflecting(acceptance=Acceptance([KEY], unauthenticated=True)) as (_, to), sending() as sock:
        assert ask(sock, to, number=4).sender_sequence_number == 4
        sock.sendto(SIGNED.pack_sender(REQUEST), to)
        assert SIGNED.unpack_reflected(sock.recv(65_535)).sender_sequence_number == 9
