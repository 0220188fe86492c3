"""Answers NTP requests in the event loop.

A transfer that is ready before a request delays the answer, not its times: the kernel stamps the arrival, and
the other one is read just before sending.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, Self

from pantau_testpoint.ntp.packet import answer, pack, read_request
from pantau_testpoint.stamp.arrival import ANCILLARY_SIZE, Arrival, read_arrival, request_ancillary
from pantau_testpoint.stamp.clock import ClockQuality, read_quality
from pantau_testpoint.stamp.sessions import SourceAllowance
from pantau_testpoint.transitions import Log, Transition

MAX_DATAGRAM = 2048
AT_ONCE = 64
"""Requests answered before the event loop has its turn again."""


class NtpServer:
    """An SNTP server on `sock`, which stays the caller's to close; a context manager inside a running loop.

    An answer has 48 octets, never more than its request, so that nothing is amplified. While this machine's
    own clock is not synchronised the answers say so, and no client takes a time from them. Not answered, and
    counted, is what is no client's request, or comes too fast.
    """

    def __init__(
        self,
        sock: socket.socket,
        log: Log,
        *,
        quality: Callable[[], ClockQuality] = read_quality,
        allowance: SourceAllowance | None = None,
    ) -> None:
        self._sock = sock
        self._quality = quality
        self._allowance = allowance or SourceAllowance()
        self._unsynchronised = Transition(
            log, begins="ntp.own_clock_not_synchronised", ends="ntp.own_clock_synchronised"
        )
        self.answered_count = 0
        self.ignored_count = 0
        self.limited_count = 0

    def __enter__(self) -> Self:
        request_ancillary(self._sock)
        self._sock.settimeout(0)
        asyncio.get_running_loop().add_reader(self._sock, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._sock)

    def numbers(self) -> dict[str, object]:
        """Return the counters since the start, for /healthz."""
        return {
            "ntp_answered_count": self.answered_count,
            "ntp_ignored_count": self.ignored_count,
            "ntp_rate_limited_count": self.limited_count,
        }

    def _receive(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, ancillary, _, source = self._sock.recvmsg(MAX_DATAGRAM, ANCILLARY_SIZE)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier answer: no concern of the next request
                continue
            self._handle(data, read_arrival(ancillary), source)

    def _handle(self, data: bytes, arrival: Arrival, source: Any) -> None:
        request = read_request(data)
        if request is None:
            self.ignored_count += 1
            return
        if not self._allowance.take(source[0], time.monotonic()):
            self.limited_count += 1
            return
        quality = self._quality()
        self._note(synchronised=quality.synchronised)
        try:
            self._sock.sendto(pack(answer(request, quality, arrival.at_ns, time.time_ns())), source)
        except OSError:  # no route back, or no buffer: for the client a lost packet, as on any router
            self.ignored_count += 1
        else:
            self.answered_count += 1

    def _note(self, *, synchronised: bool) -> None:
        if synchronised:
            self._unsynchronised.over()
        else:
            self._unsynchronised.seen()
