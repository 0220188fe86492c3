"""What one HTTP client may take: time, connections, and header octets."""

from dataclasses import dataclass

MAX_STREAMS_PER_TEST = 32
SPARE_CONNECTIONS = 256
"""For pings, health checks and refusals, beside the transfers of all tests."""

KIB = 1024
HEAD_BYTES = 16 * KIB
HEADER_COUNT = 100
RECEIVE_BYTES = 256 * KIB
CHUNKED_RECEIVE_BYTES = 64 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds that a connection may stay in a phase without progress, and how many connections there may be.

    They are looked at every `sweep_s`, so each may last that much longer.
    """

    idle_s: float = 60.0
    """Between requests."""
    head_s: float = 10.0
    """From the first octet of a request to the end of its header."""
    stall_s: float = 15.0
    """In which no octet of a body came, or none of ours was acknowledged."""
    transfer_s: float = 600.0
    """For one transfer as a whole, so that a trickle does not hold a test slot for ever."""
    linger_s: float = 2.0
    """In which a client may still read our refusal while it goes on sending."""
    sweep_s: float = 1.0
    max_connections: int = 8 * MAX_STREAMS_PER_TEST + SPARE_CONNECTIONS

    @classmethod
    def for_tests(cls, max_tests: int) -> "Limits":
        """Return the limits that let `max_tests` tests use all their streams."""
        return cls(max_connections=max_tests * MAX_STREAMS_PER_TEST + SPARE_CONNECTIONS)
