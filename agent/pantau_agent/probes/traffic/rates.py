"""From counters to figures: what a period's samples add up to, with what our own tests caused taken off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from msgspec import structs

from pantau_agent.probes.failures import ProbeError
from pantau_wire.fields import Traffic

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context

_BITS = 8


class Grown(NamedTuple):
    """Bytes received and sent between two readings of counters."""

    rx_bytes: int
    tx_bytes: int


class Counters(Protocol):
    """What an interface has received and sent until now."""

    def grown_since(self, before: Self, elapsed_s: float) -> Grown | None:
        """Return what was added, or None if nobody can tell: the counters began anew in between."""
        ...


class Snapshot(NamedTuple):
    """Counters of an interface and of our own tests at one instant of the monotonic clock."""

    at_s: float
    counters: Counters
    test_rx_bytes: int
    test_tx_bytes: int


class SampleLostError(ProbeError):
    """This reading failed, and the next may not: the period goes on."""


class Source(Protocol):
    """Whose counters are read."""

    interface: str

    @property
    def name(self) -> Literal["host", "router"]:
        """Return the word of the wire."""
        ...

    async def read(self, context: Context) -> Snapshot:
        """Read the counters now. Raises SampleLostError, or ProbeError where going on is in vain."""
        ...


class Delta(NamedTuple):
    """What lies between two snapshots."""

    elapsed_s: float
    rx_bytes: int
    tx_bytes: int
    test_rx_bytes: int
    test_tx_bytes: int

    @property
    def rx_rate_bps(self) -> float:
        """Receive rate without our own tests, never below zero, bit/s."""
        return max(self.rx_bytes - self.test_rx_bytes, 0) * _BITS / self.elapsed_s

    @property
    def tx_rate_bps(self) -> float:
        """Send rate without our own tests, never below zero, bit/s."""
        return max(self.tx_bytes - self.test_tx_bytes, 0) * _BITS / self.elapsed_s


def _between(before: Snapshot, now: Snapshot, grown: Grown) -> Delta:
    return Delta(
        elapsed_s=now.at_s - before.at_s,
        rx_bytes=grown.rx_bytes,
        tx_bytes=grown.tx_bytes,
        test_rx_bytes=now.test_rx_bytes - before.test_rx_bytes,
        test_tx_bytes=now.test_tx_bytes - before.test_tx_bytes,
    )


def _total(deltas: list[Delta]) -> Delta:
    return Delta(
        elapsed_s=sum(delta.elapsed_s for delta in deltas),
        rx_bytes=sum(delta.rx_bytes for delta in deltas),
        tx_bytes=sum(delta.tx_bytes for delta in deltas),
        test_rx_bytes=sum(delta.test_rx_bytes for delta in deltas),
        test_tx_bytes=sum(delta.test_tx_bytes for delta in deltas),
    )


@dataclass(slots=True)
class Period:
    """The samples of one period.

    A sample in which the counters began anew is left out and counted. After a reading that failed the next
    sample reaches back to the last good one, so that no byte is missing from the sum.
    """

    last: Snapshot | None = None
    deltas: list[Delta] = field(default_factory=list)
    reset_count: int = 0
    lost: SampleLostError | None = None

    def add(self, now: Snapshot) -> None:
        """Take the next snapshot."""
        before, self.last = self.last, now
        if before is None:
            return
        grown = now.counters.grown_since(before.counters, now.at_s - before.at_s)
        if grown is None:
            self.reset_count += 1
        elif now.at_s > before.at_s:
            self.deltas.append(_between(before, now, grown))

    def result(self, source: Source) -> Traffic:
        """Return the period's figures; without any good sample only the counts and the failure."""
        counts = Traffic(
            source=source.name,
            interface=source.interface,
            sample_count=len(self.deltas),
            counter_reset_count=self.reset_count,
        )
        return _with_figures(counts, self.deltas) if self.deltas else self._without_samples(counts)

    def _without_samples(self, counts: Traffic) -> Traffic:
        detail = f"no sample of {counts.interface}: it vanished, or its counters went backwards"
        why = self.lost or ProbeError("unreachable", detail)
        return failed(counts, why)


def failed(measured: Traffic, error: ProbeError) -> Traffic:
    """Return what was measured, with the failure."""
    return structs.replace(measured, failure=error.failure, failure_detail=error.detail)


def _with_figures(counts: Traffic, deltas: list[Delta]) -> Traffic:
    total = _total(deltas)
    return structs.replace(
        counts,
        duration_s=total.elapsed_s,
        rx_bytes=total.rx_bytes,
        tx_bytes=total.tx_bytes,
        test_rx_bytes=total.test_rx_bytes,
        test_tx_bytes=total.test_tx_bytes,
        rx_rate_bps=total.rx_rate_bps,
        tx_rate_bps=total.tx_rate_bps,
        rx_peak_bps=max(delta.rx_rate_bps for delta in deltas),
        tx_peak_bps=max(delta.tx_rate_bps for delta in deltas),
    )
