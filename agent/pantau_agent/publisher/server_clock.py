"""The collector's clock as its acks tell it: when to ask for it, and what its answers say.

Every ack tells the time, and every envelope carries the sender's time since boot for the ack to bring back:
between the two moments the collector has read its clock. While this boot has no time at all every record
waits, nothing is sent, and no ack would come; then an envelope without records asks.

Times are seconds on a monotonic clock, handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.timekeeping import Timekeeper
    from pantau_wire.envelope import Ack


class ServerClock:
    """Asks at once on each connection, then as patiently as records are sent again."""

    def __init__(self, timekeeper: Timekeeper, patience_s: Callable[[int], float]) -> None:
        """`patience_s` tells how long to wait for the answer to the n-th attempt."""
        self._timekeeper = timekeeper
        self._patience_s = patience_s
        self._attempts = 0
        self._ask_at = 0.0
        self.offset_ms: float | None = None
        """This device's clock minus the collector's, as the quickest of the recent answers showed it."""

    def connected(self) -> None:
        """Begin anew: nobody on the new connection has been asked."""
        self._attempts = 0
        self._ask_at = 0.0

    def ask_at(self, not_before: float) -> float | None:
        """Return when to ask next, None while the time is known."""
        return None if self._timekeeper.known else max(self._ask_at, not_before)

    def asked(self, now: float) -> float:
        """Note that the question went out; return how long to wait for the answer (s)."""
        self._attempts += 1
        patience_s = self._patience_s(self._attempts)
        self._ask_at = now + patience_s
        return patience_s

    def answered(self, ack: Ack) -> bool:
        """Take an ack; tell whether times are known, or others, that were not before."""
        now = self._timekeeper.read()
        learnt = ack.sent_uptime_ns is not None and self._timekeeper.learn(ack.time_ns, ack.sent_uptime_ns)
        offset_ns = self._timekeeper.collector_offset_ns(now)
        self.offset_ms = (now.time_ns - ack.time_ns if offset_ns is None else offset_ns) / 1e6
        return learnt
