"""When a packet came is told by the kernel, whatever we did meanwhile and whatever the wall clock says."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from pantau_agent.probes import arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRUE_NS = time.time_ns


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets of the loopback; the first one sends to the second."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        arrival.request_stamps(receiver)
        sender.connect(receiver.getsockname())
        time.sleep(0.05)  # the kernel begins to stamp a moment after it was asked
        yield sender, receiver


def came_after_ms(pair: tuple[socket.socket, socket.socket], busy_s: float = 0.1) -> float:
    """Send a packet, read it after `busy_s`, and return how long it seems to have been on its way."""
    sender, receiver = pair
    sent_ns = time.monotonic_ns()
    sender.send(b"x")
    time.sleep(busy_s)
    return (arrival.receive(receiver, 10).at_ns - sent_ns) / 1e6


def test_the_time_until_it_is_read_does_not_count(pair: tuple[socket.socket, socket.socket]) -> None:
    assert min(came_after_ms(pair) for _ in range(5)) < 50


@pytest.mark.parametrize(
    "clock",
    [
        pytest.param(lambda: TRUE_NS() + 3600 * 10**9, id="ahead"),
        pytest.param(lambda: TRUE_NS() - 3600 * 10**9, id="behind"),
    ],
)
def test_a_clock_that_was_set_leaves_the_moment_of_reading(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, clock: Callable[[], int]
) -> None:
    monkeypatch.setattr(time, "time_ns", clock)
    assert 100 <= came_after_ms(pair) < 3000


def test_an_interruption_between_the_clocks_does_not_shorten_the_delay(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look at the wall clock takes 30 ms, as on a busy machine."""
    pauses = iter([0.03])

    def interrupted() -> int:
        time.sleep(next(pauses, 0))
        return TRUE_NS()

    monkeypatch.setattr(time, "time_ns", interrupted)
    assert came_after_ms(pair) > -5


def test_without_stamps_it_is_the_moment_of_reading() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        left.send(b"x")
        before_ns = time.monotonic_ns()
        assert arrival.receive(right, 10).at_ns >= before_ns
