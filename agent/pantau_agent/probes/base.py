"""What every probe is: `async def probe(target, context) -> Measurement`.

A probe measures one thing and returns its typed result, or the same type with `failure` and
`failure_detail` set. It imports no other probe, no spool, no MQTT; what it needs of the agent comes in
the `Context`. The runner stamps time and duration, and turns an unexpected exception into a failure.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_wire.fields import AnyMeasurement, ClockState


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a probe has come, for a person who watches `pantau-agent test`."""

    phase: Literal["idle", "download", "upload", "probes"]
    elapsed_s: float
    expected_s: float
    rate_bps: float | None = None
    rtd_ms: float | None = None


class TestTraffic:
    """Counts the bytes that our own tests put on the line; probes add, the traffic probe subtracts.

    Safe to use from threads.
    """

    __test__ = False  # not a pytest class

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._rx_bytes = 0
        self._tx_bytes = 0

    def add(self, *, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Add bytes as the interface sees them: payload, and the sender's estimate of the headers."""
        with self._lock:
            self._rx_bytes += rx_bytes
            self._tx_bytes += tx_bytes

    def totals(self) -> tuple[int, int]:
        """Return bytes received and sent since the agent began."""
        with self._lock:
            return self._rx_bytes, self._tx_bytes


@dataclass(frozen=True, slots=True)
class AgentState:
    """What the device probe reports of the agent itself."""

    clock: ClockState = "unknown"
    clock_offset_ms: float | None = None
    spool_depth_count: int = 0
    spool_bytes: int = 0
    dropped_count: int = 0
    rejected_count: int = 0


def _ignore(_progress: Progress) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Context:
    """What a probe may use of the agent."""

    test_traffic: TestTraffic = field(default_factory=TestTraffic)
    agent_state: Callable[[], AgentState] = AgentState
    on_progress: Callable[[Progress], None] = _ignore


TargetT_contra = TypeVar("TargetT_contra", contravariant=True)


class Probe(Protocol[TargetT_contra]):
    """The one signature of all probes."""

    async def __call__(self, target: TargetT_contra, context: Context) -> AnyMeasurement:
        """Measure once; never raise for what the network or the machine does."""
        ...
