"""What the kernel knows about this machine's clock, for the Error Estimate field.

The source is adjtimex(2), read-only: `maxerror` is the bound that NTP daemons keep up to date and that the
kernel lets grow by 500 ppm between their updates; STA_UNSYNC and TIME_ERROR say that nobody disciplines the
clock. Where it cannot be asked, the clock counts as not synchronised, with the kernel's own largest error.
"""

import ctypes
from typing import NamedTuple

from pantau_testpoint.stamp.packet import pack_error_estimate

STA_UNSYNC = 0x0040
TIME_ERROR = 5
NS_PER_US = 1_000
UNKNOWN_ERROR_NS = 16_000_000_000
"""NTP_PHASE_LIMIT of Linux: what maxerror holds when nothing is known."""

REFRESH_S = 1.0


class ClockQuality(NamedTuple):
    """Whether the wall clock follows UTC, and by how many nanoseconds it may be off."""

    synchronised: bool
    error_ns: int


UNKNOWN = ClockQuality(synchronised=False, error_ns=UNKNOWN_ERROR_NS)


class _Timex(ctypes.Structure):
    """The head of struct timex (linux/timex.h), and room for what follows."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror_us", ctypes.c_long),
        ("esterror_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def judge(state: int, status: int, error_us: int) -> ClockQuality:
    """Turn what adjtimex returned into a verdict; a state below zero means it failed."""
    if state < 0:
        return UNKNOWN
    synchronised = state != TIME_ERROR and not status & STA_UNSYNC
    return ClockQuality(synchronised, max(1, error_us) * NS_PER_US)


def read_quality() -> ClockQuality:
    """Ask the kernel; never raises."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return UNKNOWN
    return judge(state, timex.status, max(timex.maxerror_us, timex.esterror_us))


class ErrorEstimateField:
    """The Error Estimate of this machine's timestamps, asked of the kernel at most once a second."""

    def __init__(self) -> None:
        self._field = 0
        self._stale_at = float("-inf")

    def at(self, now: float) -> int:
        """Return the 16 bits; `now` is in seconds of a monotonic clock."""
        if now >= self._stale_at:
            quality = read_quality()
            self._field = pack_error_estimate(synchronised=quality.synchronised, error_ns=quality.error_ns)
            self._stale_at = now + REFRESH_S
        return self._field
