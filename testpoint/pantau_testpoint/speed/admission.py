"""Decides which transfers may run: so many tests at once, so many streams within each.

A test is what one client does in one sitting: several connections at a time, download and then upload. It is
known by the X-Pantau-Test header, else by the client's address, and keeps its slot while any of its transfers
runs and for a grace afterwards, in which its next phase begins.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from pantau_testpoint.errors import (
    RequestError,
    TooManyStreamsError,
    TooManyTestsError,
    TooManyTestsOfDeviceError,
)
from pantau_testpoint.speed.limits import MAX_STREAMS_PER_TEST
from pantau_testpoint.transitions import Log, Transition

TEST_HEADER = b"x-pantau-test"
GRACE_S = 2.0
RETRY_AFTER_S = 10
"""About what a test takes in one direction."""

_TEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")


def identify(test_header: bytes | None, client_address: str) -> str:
    """Return the key of the test that a request belongs to.

    Raises RequestError if the header is there and is not 1 to 64 of A-Z, a-z, 0-9, _ and -.
    """
    if test_header is None:
        return f"address:{client_address}"
    if not _TEST_ID.fullmatch(test_header):
        message = "X-Pantau-Test must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
        raise RequestError(HTTPStatus.BAD_REQUEST, "bad_test_id", message)
    return f"id:{test_header.decode('ascii')}"


@dataclass(slots=True)
class _Test:
    device: str | None
    streams: int = 0
    quiet_since: float = 0.0


class Stream:
    """One admitted transfer; its place is given back once, however often `release` is called."""

    __slots__ = ("_release",)

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Give the place back."""
        if self._release is not None:
            self._release()
            self._release = None


class Admission:
    """The slots of all tests. Times are seconds of `clock`, which is monotonic."""

    def __init__(
        self,
        *,
        max_tests: int,
        log: Log,
        max_tests_per_device: int | None = None,
        max_streams: int = MAX_STREAMS_PER_TEST,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_tests = max_tests
        self._max_tests_per_device = max_tests_per_device or max_tests
        self._max_streams = max_streams
        self._grace_s = grace_s
        self._clock = clock
        self._tests: dict[tuple[str | None, str], _Test] = {}
        self._full = Transition(log, begins="admission.full", ends="admission.free")
        self.refused_count = 0

    def admit(self, test: str, device: str | None = None) -> Stream:
        """Start one transfer of `test`, the device's own where it is known; raises AdmissionError."""
        self._forget_finished()
        running = self._tests.get((device, test)) or self._take_slot(test, device)
        if running.streams >= self._max_streams:
            self.refused_count += 1
            raise TooManyStreamsError(self._max_streams, RETRY_AFTER_S)
        running.streams += 1
        return Stream(lambda: self._finish(running))

    def numbers(self) -> dict[str, object]:
        """Return what is going on now, for /healthz."""
        self._forget_finished()
        return {
            "active_tests": len(self._tests),
            "active_streams": sum(test.streams for test in self._tests.values()),
            "max_tests": self._max_tests,
            "refused_count": self.refused_count,
        }

    def _take_slot(self, test: str, device: str | None) -> _Test:
        if device is not None and self._count_of(device) >= self._max_tests_per_device:
            self.refused_count += 1
            raise TooManyTestsOfDeviceError(self._max_tests_per_device, RETRY_AFTER_S)
        if len(self._tests) >= self._max_tests:
            self.refused_count += 1
            self._full.seen(max_tests=self._max_tests)
            raise TooManyTestsError(self._max_tests, RETRY_AFTER_S)
        self._full.over()
        self._tests[device, test] = taken = _Test(device)
        return taken

    def _count_of(self, device: str) -> int:
        return sum(test.device == device for test in self._tests.values())

    def _finish(self, test: _Test) -> None:
        test.streams -= 1
        test.quiet_since = self._clock()

    def _forget_finished(self) -> None:
        oldest = self._clock() - self._grace_s
        for name, test in list(self._tests.items()):
            if not test.streams and test.quiet_since <= oldest:
                del self._tests[name]
