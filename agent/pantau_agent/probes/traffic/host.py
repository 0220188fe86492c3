"""The counters of this machine's own interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import psutil

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.traffic.rates import Grown, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pantau_agent.probes.base import Context


class HostCounters(NamedTuple):
    """What an interface has received and sent since it came up, in bytes."""

    rx_bytes: int
    tx_bytes: int

    def grown_since(self, before: HostCounters, elapsed_s: float) -> Grown | None:  # noqa: ARG002 - the signature of all
        """Return what was added, or None if one went backwards: the interface came up anew."""
        grown = Grown(self.rx_bytes - before.rx_bytes, self.tx_bytes - before.tx_bytes)
        return grown if min(grown) >= 0 else None


def read_counters() -> Mapping[str, HostCounters]:
    """Return the counters of all interfaces as the system has them: resets show as such."""
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    return {name: HostCounters(io.bytes_recv, io.bytes_sent) for name, io in counters.items()}


class Host:
    """One interface of this machine."""

    name: Literal["host"] = "host"

    def __init__(
        self, interface: str, counters: Callable[[], Mapping[str, HostCounters]], clock: Callable[[], float]
    ) -> None:
        self.interface = interface
        self._counters = counters
        self._clock = clock

    async def read(self, context: Context) -> Snapshot:
        """Read the counters; raises ProbeError (`unreachable`) where there is no such interface."""
        counters = self._counters().get(self.interface)
        if counters is None:
            raise ProbeError("unreachable", f"there is no interface {self.interface}")
        return Snapshot(self._clock(), counters, *context.test_traffic.totals(self.interface))
