"""Drives all streams of one direction in one thread, and takes the samples.

One thread with a selector measured as good as a thread a stream (CPU seconds per Gbit down, four streams over
loopback: 0.011 each way), takes its samples at exact instants, and ends at once.
"""

from __future__ import annotations

import selectors
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import psutil

from pantau_agent.probes.speed.goodput import Sample, is_stable
from pantau_agent.probes.speed.transport.discard import READ_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_agent.probes.speed.transport.connection import Connection, Stop

_LAST_TICK_S = 0.005
_SETTLE_TICK_S = 0.05
_TICK_S = 0.2
_SETTLE_S = 1.0
_GATHER_STEPS = 8
"""At most so many reads of each stream for one sample, lest a very fast line holds the sample up."""


class Stream(Protocol):
    """One connection's part of a load."""

    connection: Connection
    finished: bool
    """Whether the server will not serve another request on this connection."""
    over: bool
    """Whether the server has ended the whole test; it is no failure if enough was measured by then."""

    @property
    def events(self) -> int:
        """What the selector should watch for."""
        ...

    def step(self, ready: int, limit: int) -> int:
        """Do what the events in `ready` allow, and return how many octets of payload moved, at most `limit`.

        Raises ProbeError.
        """
        ...

    def begin(self) -> None:
        """Send the first request. Raises ProbeError."""
        ...

    def payload_bytes(self) -> int:
        """Return what counts so far."""
        ...

    def settle(self) -> bool:
        """Move nothing more; tell whether all that moved counts by now. Raises ProbeError."""
        ...

    def reopen(self) -> None:
        """Take a new connection in place of a finished one. Raises ProbeError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how often sampled, at most how many bytes of payload; whether a stable rate ends it early."""

    duration_s: float
    discard_s: float
    sample_s: float
    max_bytes: int | None
    stable_stop: bool = False


class Load:
    """A load while it runs and afterwards: its samples, and whether the byte budget ended it."""

    def __init__(
        self, streams: Sequence[Stream], plan: Plan, stop: Stop, observe: Callable[[Sequence[Sample]], None]
    ) -> None:
        """Call `observe` with the samples so far at each new one."""
        self._streams = streams
        self._tls_streams = [stream for stream in streams if stream.connection.tls]
        self._plan = plan
        self._stop = stop
        self._observe = observe
        self._begun_s = 0.0
        self._left_bytes = plan.max_bytes if plan.max_bytes is not None else 1 << 62
        self.samples: list[Sample] = []
        self.stable = False
        """Whether the load ended because its rate was stable."""

    @property
    def budget_spent(self) -> bool:
        """Whether the load ended because its bytes were used up."""
        return self._left_bytes <= 0

    def run(self) -> None:
        """Load the line until the time is up. Raises what the streams raise, and StoppedError."""
        self._begun_s = time.monotonic()
        for stream in self._streams:
            stream.begin()
        self._sample()
        with selectors.DefaultSelector() as selector:
            for stream in self._streams:
                selector.register(stream.connection, stream.events, stream)
            while not self._is_over() and self._left_s() > 0:
                self._move_until_due(selector)
                self._gather(selector)
                self._sample()
                self.stable = self._plan.stable_stop and is_stable(self.samples, self._plan.discard_s)
        if self.budget_spent:
            self._wait_for_the_last()

    def _move_until_due(self, selector: selectors.BaseSelector) -> None:
        """Move payload until the next sample is due, or the load is over."""
        until_s = time.monotonic() + min(self._due_in_s(), self._left_s())
        while not self._is_over() and (left_s := until_s - time.monotonic()) > 0:
            self._stop.check()
            self._round(selector, min(left_s, _TICK_S))

    def _wait_for_the_last(self) -> None:
        """Wait within the load's time until all that was sent has arrived."""
        while self._left_s() > 0 and not self._is_settled():
            self._stop.sleep(_LAST_TICK_S)
            if self._due_in_s() <= 0:
                self._sample()
        self._sample()

    def _is_over(self) -> bool:
        return self.stable or self.budget_spent or any(stream.over for stream in self._streams)

    def _is_settled(self) -> bool:
        return all([stream.settle() for stream in self._streams])  # noqa: C419 - each must be asked

    def settle(self) -> int:
        """Wait for what is still on its way, a second at most; return the payload that counts in the end."""
        until_s = time.monotonic() + _SETTLE_S
        while not self._is_settled() and time.monotonic() < until_s:
            self._stop.sleep(_SETTLE_TICK_S)
        return self.payload_bytes()

    def payload_bytes(self) -> int:
        """Return the payload that counts so far."""
        return sum(stream.payload_bytes() for stream in self._streams)

    def _left_s(self) -> float:
        return self._plan.duration_s - (time.monotonic() - self._begun_s)

    def _round(self, selector: selectors.BaseSelector, timeout_s: float) -> None:
        ready = {stream: selectors.EVENT_READ for stream in self._tls_streams if stream.connection.pending}
        for key, events in selector.select(0 if ready else timeout_s):
            ready[key.data] = ready.get(key.data, 0) | events
        for stream, events in ready.items():
            self._step(selector, stream, events)

    def _gather(self, selector: selectors.BaseSelector) -> None:
        """Take all that the kernel holds: what waits for more, and what a busy processor left behind."""
        for stream in self._streams:
            steps = 1
            while self._step(selector, stream, selectors.EVENT_READ) >= READ_BYTES and steps < _GATHER_STEPS:
                steps += 1

    def _step(self, selector: selectors.BaseSelector, stream: Stream, ready: int) -> int:
        if self.budget_spent:
            return 0
        events = stream.events
        moved = stream.step(ready, self._left_bytes)
        self._left_bytes -= moved
        if stream.finished:
            selector.unregister(stream.connection)
            stream.reopen()
            selector.register(stream.connection, stream.events, stream)
        elif stream.events != events:
            selector.modify(stream.connection, stream.events, stream)
        return moved

    def _due_in_s(self) -> float:
        """Return in how long the next sample is due: on the grid, and one at the end of the ramp-up."""
        last_s = self.samples[-1].at_s
        on_grid_s = (last_s // self._plan.sample_s + 1) * self._plan.sample_s
        discard_s = self._plan.discard_s
        due_s = discard_s if last_s < discard_s < on_grid_s else on_grid_s
        return due_s - (time.monotonic() - self._begun_s)

    def _sample(self) -> None:
        payload_bytes = self.payload_bytes()
        at_s = time.monotonic() - self._begun_s
        self.samples.append(Sample(at_s, payload_bytes, time.process_time(), idle_cpu_s()))
        self._observe(self.samples)


def idle_cpu_s() -> float:
    """Return for how long all cores together have been idle."""
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0))
