"""The counters of one port of the village router, by SNMP: IF-MIB (RFC 2863) and sysUpTime (RFC 3418).

64-bit counters are used where the router has them, else the 32-bit ones, whose wraps are undone. That the
counters began anew shows in sysUpTime, in ifCounterDiscontinuityTime, or in a counter that went backwards (of
32 bits: that grew by more than such a port can carry). All is asked in one request, so that it belongs
together.

A router may refresh what it tells only every few seconds (net-snmp: 3 s): sums are right all the same, but
the rate of a single sample, and so the peak, may be off by that share of the sample.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from pantau_agent.probes.base import LOCAL
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.traffic.rates import Grown, SampleLostError, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantau_agent.probes.base import Context
    from pantau_agent.probes.traffic.snmp import Session, Value

_SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
_IF_DESCR = "1.3.6.1.2.1.2.2.1.2"
_IF_IN_OCTETS = "1.3.6.1.2.1.2.2.1.10"
_IF_OUT_OCTETS = "1.3.6.1.2.1.2.2.1.16"
_IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"
_IF_HC_IN_OCTETS = "1.3.6.1.2.1.31.1.1.1.6"
_IF_HC_OUT_OCTETS = "1.3.6.1.2.1.31.1.1.1.10"
_IF_ALIAS = "1.3.6.1.2.1.31.1.1.1.18"
_IF_DISCONTINUITY = "1.3.6.1.2.1.31.1.1.1.19"
_NAMING_COLUMNS = (_IF_NAME, _IF_DESCR, _IF_ALIAS)
"""Where a port's name may stand, the preferred first."""

_MODULUS_32 = 2**32
_TICKS_PER_S = 100
_UPTIME_TOLERANCE_S = 5.0
_FASTEST_32_BIT_BYTES_PER_S = 125_000_000
"""No port with 32-bit counters only is faster: above 20 Mbit/s it needs the others (RFC 2863, section 3.1.6).

The port's own word, ifHighSpeed, is no help: ports of PPPoE and mobile lines say anything.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterTarget:
    """Which port of which router, and with what right to ask; the secrets are never printed."""

    host: str
    interface: str
    port: int = 161
    version: Literal["2c", "3"] = "2c"
    community: str | None = field(default=None, repr=False)
    username: str | None = None
    auth_protocol: Literal["none", "sha", "sha256", "sha512"] = "none"
    auth_password: str | None = field(default=None, repr=False)
    privacy_protocol: Literal["none", "aes128", "aes256"] = "none"
    privacy_password: str | None = field(default=None, repr=False)
    timeout_s: float = 3.0


class Row(NamedTuple):
    """A port in the router's tables: its ifIndex, and the column in which its name was found."""

    if_index: int
    column: str


class RouterCounters(NamedTuple):
    """What the port has received and sent, and what tells whether it is still the same counting.

    `uptime_ticks` and `discontinuity_ticks` are in hundredths of a second.
    """

    if_index: int
    uptime_ticks: int
    discontinuity_ticks: int | None
    is_64_bit: bool
    rx_bytes: int
    tx_bytes: int

    def grown_since(self, before: RouterCounters, elapsed_s: float) -> Grown | None:
        """Return what was added, or None if the counters began anew, or may have wrapped more than once."""
        if self._life() != before._life() or self._restarted_since(before, elapsed_s):
            return None
        rx_bytes, tx_bytes = self.rx_bytes - before.rx_bytes, self.tx_bytes - before.tx_bytes
        if self.is_64_bit:
            return Grown(rx_bytes, tx_bytes) if min(rx_bytes, tx_bytes) >= 0 else None
        grown = Grown(rx_bytes % _MODULUS_32, tx_bytes % _MODULUS_32)
        possible_bytes = elapsed_s * _FASTEST_32_BIT_BYTES_PER_S
        return grown if max(grown) <= possible_bytes < _MODULUS_32 else None

    def _life(self) -> tuple[int, int | None, bool]:
        return self.if_index, self.discontinuity_ticks, self.is_64_bit

    def _restarted_since(self, before: RouterCounters, elapsed_s: float) -> bool:
        """Tell by sysUpTime, which wraps after 497 days, whether the router's agent began anew."""
        advance_s = (self.uptime_ticks - before.uptime_ticks) % _MODULUS_32 / _TICKS_PER_S
        return abs(advance_s - elapsed_s) > _UPTIME_TOLERANCE_S


class Router:
    """One port of one router; remembers the session, the port's row, and whether the router ever answered."""

    name: Literal["router"] = "router"

    def __init__(self, target: RouterTarget) -> None:
        self.interface = target.interface
        self._target = target
        self._session: Session | None = None
        self._row: Row | None = None

    async def read(self, context: Context) -> Snapshot:
        """Ask the router. Raises SampleLostError for silence, ProbeError for what does not mend by itself."""
        traffic = context.test_traffic.purposed(LOCAL)
        session = self._opened()
        try:
            counters = await self._counters(session)
        except ProbeError as error:
            if error.failure in {"timeout", "refused", "unreachable", "name_resolution"}:
                raise SampleLostError(error.failure, error.detail) from None
            raise
        finally:
            rx_bytes, tx_bytes = session.meter.take_bytes()
            traffic.add(session.meter.interface, rx_bytes=rx_bytes, tx_bytes=tx_bytes)
        return Snapshot(session.meter.answered_at_s, counters, *_crossing(context))

    def _opened(self) -> Session:
        if self._session is None:
            # Megabytes that most devices never need.
            from pantau_agent.probes.traffic.snmp import Session  # noqa: PLC0415

            self._session = Session(self._target, time.monotonic)
        return self._session

    async def _counters(self, session: Session) -> RouterCounters:
        """Ask for the port's counters; where its row now is another port's, or gone, look for it again."""
        if self._row is not None:
            values = await session.get(_wanted(self._row))
            if values[f"{self._row.column}.{self._row.if_index}"] == self.interface:
                return _counters_of(self._row, values)
        self._row = await self._look_up(session)
        return _counters_of(self._row, await session.get(_wanted(self._row)))

    async def _look_up(self, session: Session) -> Row:
        known: dict[str, None] = {}
        for column in _NAMING_COLUMNS:
            names = await session.column(column)
            rows = [if_index for if_index, name in names.items() if name == self.interface]
            if len(rows) > 1:
                raise ProbeError("unsupported", f"{self.interface} names {len(rows)} ports of the router")
            if rows:
                return Row(rows[0], column)
            known.update({str(name): None for name in names.values() if name})
        there_are = ", ".join(known) or "none"
        raise ProbeError("unsupported", f"the router has no port {self.interface}; it has: {there_are}")


def _wanted(row: Row) -> list[str]:
    of_row = [
        row.column,
        _IF_HC_IN_OCTETS,
        _IF_HC_OUT_OCTETS,
        _IF_IN_OCTETS,
        _IF_OUT_OCTETS,
        _IF_DISCONTINUITY,
    ]
    return [_SYS_UP_TIME, *(f"{column}.{row.if_index}" for column in of_row)]


def _counters_of(row: Row, values: Mapping[str, Value]) -> RouterCounters:
    """Return the counters out of an answer; raises ProbeError where the router has none for this port."""

    def number(column: str) -> int | None:
        value = values[f"{column}.{row.if_index}"]
        return value if isinstance(value, int) else None

    uptime_ticks = values[_SYS_UP_TIME]
    rx_bytes, tx_bytes = number(_IF_HC_IN_OCTETS), number(_IF_HC_OUT_OCTETS)
    is_64_bit = rx_bytes is not None and tx_bytes is not None
    if not is_64_bit:
        rx_bytes, tx_bytes = number(_IF_IN_OCTETS), number(_IF_OUT_OCTETS)
    if not isinstance(uptime_ticks, int) or rx_bytes is None or tx_bytes is None:
        raise ProbeError("unsupported", "the router shows no sysUpTime, or no byte counters of this port")
    return RouterCounters(
        if_index=row.if_index,
        uptime_ticks=uptime_ticks,
        discontinuity_ticks=number(_IF_DISCONTINUITY),
        is_64_bit=is_64_bit,
        rx_bytes=rx_bytes,
        tx_bytes=tx_bytes,
    )


def _crossing(context: Context) -> tuple[int, int]:
    """Return the bytes received and sent by our own tests that crossed the router."""
    outside = [total for purpose, total in context.test_traffic.by_purpose().items() if purpose != LOCAL]
    return sum(rx for rx, _ in outside), sum(tx for _, tx in outside)
