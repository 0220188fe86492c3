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

Phase = Literal["idle", "download", "upload", "probes", "waiting"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a probe has come, for a person who watches `pantau-agent test`."""

    phase: Phase
    elapsed_s: float
    expected_s: float
    rate_bps: float | None = None
    rtd_ms: float | None = None


class TestTraffic:
    """Counts the bytes that our own tests put on each interface; probes add, the traffic probe subtracts.

    Safe to use from threads. An interface is None where the sender could not tell which one it used.
    """

    __test__ = False  # not a pytest class

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._totals: dict[str | None, tuple[int, int]] = {}

    def add(self, interface: str | None, *, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Add bytes as the interface sees them: payload, and the sender's estimate of the headers."""
        with self._lock:
            rx, tx = self._totals.get(interface, (0, 0))
            self._totals[interface] = rx + rx_bytes, tx + tx_bytes

    def totals(self, interface: str | None) -> tuple[int, int]:
        """Return the bytes received and sent on `interface` since the agent began."""
        with self._lock:
            return self._totals.get(interface, (0, 0))

    def by_interface(self) -> dict[str | None, tuple[int, int]]:
        """Return the totals of every interface, for the data budget."""
        with self._lock:
            return dict(self._totals)


@dataclass(frozen=True, slots=True)
class AgentState:
    """What the device probe reports of the agent itself."""

    clock: ClockState = "unknown"
    clock_offset_ms: float | None = None
    spool_depth_count: int | None = None
    spool_bytes: int | None = None
    dropped_count: int | None = None
    rejected_count: int | None = None
    budget_used_bytes: int | None = None
    budget_bytes: int | None = None


def _ignore(_progress: Progress) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Context:
    """What a probe may use of the agent. `on_progress` is called in the event loop's thread."""

    test_traffic: TestTraffic = field(default_factory=TestTraffic)
    agent_state: Callable[[], AgentState] = AgentState
    on_progress: Callable[[Progress], None] = _ignore


TargetT_contra = TypeVar("TargetT_contra", contravariant=True)


class Probe(Protocol[TargetT_contra]):
    """The one signature of all probes."""

    async def __call__(self, target: TargetT_contra, context: Context) -> AnyMeasurement:
        """Measure once; never raise for what the network or the machine does."""
        ...
