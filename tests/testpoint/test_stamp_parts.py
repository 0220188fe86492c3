"""The reflector's parts: clock quality, arrival, session numbers and allowances."""

import socket
import struct
import time

from hypothesis import given
from hypothesis import strategies as st

from pantau_testpoint.bounded import BoundedTable
from pantau_testpoint.stamp.arrival import SO_TIMESTAMPNS_NEW, read_arrival
from pantau_testpoint.stamp.clock import (
    STA_UNSYNC,
    TIME_ERROR,
    UNKNOWN,
    ClockQuality,
    ErrorEstimateField,
    judge,
    read_quality,
)
from pantau_testpoint.stamp.packet import unpack_error_estimate
from pantau_testpoint.stamp.sessions import SessionNumbers, SourceAllowance


def test_a_disciplined_clock_is_synchronised_within_its_error() -> None:
    assert judge(state=0, status=0x2001, error_us=250) == ClockQuality(synchronised=True, error_ns=250_000)


def test_a_clock_that_nobody_disciplines_is_not_synchronised() -> None:
    assert not judge(state=0, status=STA_UNSYNC, error_us=1).synchronised
    assert not judge(state=TIME_ERROR, status=0, error_us=1).synchronised


def test_a_kernel_that_refuses_to_tell_leaves_the_clock_unknown() -> None:
    assert judge(state=-1, status=0, error_us=0) == UNKNOWN


def test_the_kernel_here_gives_an_error_above_zero() -> None:
    assert read_quality().error_ns > 0


def test_the_error_estimate_says_what_the_kernel_says() -> None:
    estimate = unpack_error_estimate(ErrorEstimateField().at(time.monotonic()))
    assert estimate.synchronised == read_quality().synchronised


def test_the_kernel_tells_time_and_ttl() -> None:
    ancillary = [
        (socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, struct.pack("=qq", 1_700_000_000, 5)),
        (socket.IPPROTO_IP, socket.IP_TTL, struct.pack("=i", 61)),
    ]
    assert read_arrival(ancillary) == (1_700_000_000_000_000_005, 61)


def test_without_the_kernel_the_time_is_now_and_the_ttl_255() -> None:
    before = time.time_ns()
    arrival = read_arrival([])
    assert before <= arrival.at_ns <= time.time_ns()
    assert arrival.ttl == 255


def test_each_session_counts_from_zero() -> None:
    numbers = SessionNumbers()
    counted = [numbers.next_number(("192.0.2.1", port, 0), 0.0) for port in (1, 2, 1, 1, 2)]
    assert counted == [0, 0, 1, 2, 1]


def test_a_session_that_was_silent_for_too_long_begins_again() -> None:
    numbers = SessionNumbers(idle_s=10.0)
    key = ("192.0.2.1", 5000, 0)
    assert [numbers.next_number(key, now) for now in (0.0, 9.0, 18.0, 29.0)] == [0, 1, 2, 0]


def test_the_session_unused_for_longest_makes_room() -> None:
    numbers = SessionNumbers(max_sessions=2)
    a, b, c = (("192.0.2.1", port, 0) for port in (1, 2, 3))
    for key in (a, b, a, c):
        numbers.next_number(key, 0.0)
    assert numbers.next_number(a, 0.0) == 2
    assert numbers.next_number(b, 0.0) == 0
    assert len(numbers) == 2


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 5)), max_size=200))
def test_a_table_never_holds_more_than_its_bound(uses: list[tuple[int, float]]) -> None:
    table: BoundedTable[int, list[int]] = BoundedTable(max_entries=5, idle_s=10.0, make=list)
    now = 0.0
    for key, pause_s in uses:
        now += pause_s
        table.use(key, now)
        assert len(table) <= 5


def test_a_source_may_send_a_burst_and_then_its_rate() -> None:
    allowance = SourceAllowance(per_s=2.0, burst=3.0)
    assert [allowance.take("192.0.2.1", 0.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take("192.0.2.1", now) for now in (0.1, 0.5, 0.6, 1.0)] == [False, True, False, True]


def test_one_source_does_not_use_up_the_allowance_of_another() -> None:
    allowance = SourceAllowance(per_s=0.0, burst=1.0)
    assert allowance.take("192.0.2.1", 0.0)
    assert not allowance.take("192.0.2.1", 0.0)
    assert allowance.take("192.0.2.2", 0.0)
