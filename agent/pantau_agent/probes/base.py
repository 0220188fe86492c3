"""What every probe is: `async def probe(target, context) -> Measurement`.

A probe measures one thing and returns its typed result, or the same type with `failure` and
`failure_detail` set. It imports no other probe, no spool, no MQTT; what it needs of the agent comes in
the `Context`. The runner stamps time and duration, and turns an unexpected exception into a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pantau_wire.fields import AnyMeasurement, ClockState

Phase = Literal["idle", "download", "upload", "probes", "waiting", "waiting_line"]

_DRAIN_S = 1.0
"""What the line's queues, filled by our own test, may take to empty."""

LOCAL = "local"
"""The purpose of bytes that stay in the village's own network, and cost nothing."""


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
    `purposed` gives the same account under another name, for the data budget.
    """

    __test__ = False  # not a pytest class

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._totals: dict[str | None, tuple[int, int]] = {}
        self._by_purpose: dict[str, tuple[int, int]] = {}
        self._meters: list[Callable[[], None]] = []
        self.purpose = "other"

    def add_meter(self, read: Callable[[], None]) -> None:
        """Call this before the account is looked at: it adds what a meter counted since the last time."""
        self._meters.append(read)

    def purposed(self, purpose: str) -> TestTraffic:
        """Return a view on this account that books under `purpose`."""
        view = copy.copy(self)
        view.purpose = purpose
        return view

    def add(self, interface: str | None, *, rx_bytes: int = 0, tx_bytes: int = 0) -> None:
        """Add bytes as the interface sees them: payload, and the sender's estimate of the headers."""
        with self._lock:
            rx, tx = self._totals.get(interface, (0, 0))
            self._totals[interface] = rx + rx_bytes, tx + tx_bytes
            rx, tx = self._by_purpose.get(self.purpose, (0, 0))
            self._by_purpose[self.purpose] = rx + rx_bytes, tx + tx_bytes

    def totals(self, interface: str | None) -> tuple[int, int]:
        """Return the bytes received and sent on `interface` since the agent began."""
        self._read_meters()
        with self._lock:
            return self._totals.get(interface, (0, 0))

    def by_purpose(self) -> dict[str, tuple[int, int]]:
        """Return the bytes received and sent for each purpose, for the data budget."""
        self._read_meters()
        with self._lock:
            return dict(self._by_purpose)

    def _read_meters(self) -> None:
        for read in self._meters:
            read()


class Line:
    """The line as this agent uses it: one speed test at a time, no other probe's packets under its load."""

    def __init__(self) -> None:
        """Begin unloaded."""
        self._one = asyncio.Lock()
        self._begun = False
        self._drained_at_s = 0.0

    @property
    def loaded(self) -> bool:
        """Whether a speed test of ours loads the line, or did so a moment ago: queues take time to empty."""
        return self._begun or time.monotonic() < self._drained_at_s

    @contextlib.asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Have the line for oneself; waits for a test that is running. It is not loaded before `begins`."""
        async with self._one:
            try:
                yield
            finally:
                if self._begun:
                    self._drained_at_s = time.monotonic() + _DRAIN_S
                self._begun = False

    def begins(self) -> None:
        """Tell that the test which has the line begins to load it; safe to call from its thread."""
        self._begun = self._one.locked()

    async def unloaded(self) -> None:
        """Wait until the line is not loaded."""
        while self.loaded:  # noqa: ASYNC110 - the load begins in a thread and its end is a matter of time
            await asyncio.sleep(_DRAIN_S)


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
    budget_state: Literal["ok", "thinned", "spent"] | None = None
    remote_config_version_count: int | None = None


def _ignore(_progress: Progress) -> None:
    pass


def _nothing() -> None:
    pass


def _no_token() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """What a probe may use of the agent. `on_progress` is called in the event loop's thread.

    A probe that waits before it measures calls `begins` when it does: the measurement's time is that instant.
    `max_bytes` is the payload that the data budget still allows this run, both directions together.
    `testpoint_token` returns what a testpoint may want to see, as far as the collector has sent one.
    """

    test_traffic: TestTraffic = field(default_factory=TestTraffic)
    agent_state: Callable[[], AgentState] = AgentState
    on_progress: Callable[[Progress], None] = _ignore
    begins: Callable[[], None] = _nothing
    line: Line = field(default_factory=Line)
    max_bytes: int | None = None
    testpoint_token: Callable[[], str | None] = _no_token


TargetT_contra = TypeVar("TargetT_contra", contravariant=True)


class Probe(Protocol[TargetT_contra]):
    """The one signature of all probes."""

    async def __call__(self, target: TargetT_contra, context: Context) -> AnyMeasurement:
        """Measure once; never raise for what the network or the machine does."""
        ...
