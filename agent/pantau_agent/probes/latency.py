"""Round-trip delay, delay variation and loss to one target, by ICMP echo or TCP connect.

What an answer is: an ICMP echo reply; a SYN/ACK; or a RST ("connection refused"), because only the
host's own stack answers a SYN so, and it needed one round trip to do it.

What a result means (the SLA tells outages from faults of this machine by it):

- `sent_count` > 0 and `failure` None: packets left this machine. `received_count` may be 0 and
  `rt_loss_ratio` 1.0: a valid measurement, and evidence that the link is down. Delays are then absent.
- `failure` set and all numbers absent: nothing could be sent (no route: `unreachable`; the name does not
  resolve: `name_resolution`; this machine does not let us: `permission`).
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pantau_agent.probes import delays, icmp, interfaces, tcp_connect
from pantau_agent.probes.base import Progress
from pantau_agent.probes.failures import ProbeError, error_of
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pantau_agent.probes.base import Context

Method = Literal["icmp", "tcp"]
_TRIAL_COUNT = 3
_TRIAL_INTERVAL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyTarget:
    """Whom to ask and how: `count` packets spread evenly over `spread_s`, each waited for `timeout_s`.

    `host` None is only for the gateway: the default route's, looked up at each run. `tcp_port` is needed
    for the method `tcp`, and makes the fallback of `auto` possible.
    """

    target: Literal["gateway", "testpoint", "internet"]
    host: str | None = None
    tcp_port: int | None = None
    method: Literal["auto", "icmp", "tcp"] = "auto"
    count: int = 20
    spread_s: float = 50.0
    timeout_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for a target that cannot be probed."""
        if self.host is None and self.target != "gateway":
            raise ValueError(f"target {self.target} needs a host")
        if self.method == "tcp" and self.tcp_port is None:
            raise ValueError("method tcp needs tcp_port")
        if self.count < 1 or self.spread_s < 0 or self.timeout_s <= 0:
            raise ValueError("count and timeout_s must be above 0, spread_s at least 0")


class Host(NamedTuple):
    """A resolved target."""

    family: socket.AddressFamily
    address: str


Round = tuple[list[float | None], str | None]
"""A delay in ms or None for each packet sent, and the interface they left by."""


class LatencyProbe:
    """Probes targets. `auto` stays with ICMP for a host that ever answered ICMP: its silence is loss then.

    For any other host three echo requests are tried first; if they cannot be sent or nobody answers, and
    the target has a `tcp_port`, TCP is used in this run. The result names the method that was used.
    """

    def __init__(self) -> None:
        """Begin without knowledge of hosts."""
        self._answered_icmp: set[str] = set()

    async def __call__(self, target: LatencyTarget, context: Context) -> Latency:
        """Send the packets and return their figures; see the module for what a result means."""
        method: Method = "tcp" if target.method == "tcp" else "icmp"
        try:
            host = await _resolve(target)
            method = await self._choose(target, host)
            round_trips, interface = await self._probe(target, host, method, context)
        except ProbeError as error:
            return Latency(
                target=target.target,
                method=method,
                server=_server(target, None, method),
                failure=error.failure,
                failure_detail=error.detail,
            )
        _account(context, interface, method, round_trips)
        return _result(target, host, method, round_trips)

    async def _choose(self, target: LatencyTarget, host: Host) -> Method:
        if target.method != "auto":
            return target.method
        if host.address in self._answered_icmp or target.tcp_port is None:
            return "icmp"
        try:
            round_trips, _ = await _spread(
                _TRIAL_COUNT,
                _TRIAL_INTERVAL_S * _TRIAL_COUNT,
                icmp.Pinger(host.family, host.address, target.timeout_s),
            )
        except ProbeError:
            return "tcp"
        if all(delay is None for delay in round_trips):
            return "tcp"
        self._answered_icmp.add(host.address)
        return "icmp"

    async def _probe(self, target: LatencyTarget, host: Host, method: Method, context: Context) -> Round:
        begun_s = time.monotonic()

        def report(rtd_ms: float | None) -> None:
            elapsed_s = time.monotonic() - begun_s
            context.on_progress(Progress("probes", elapsed_s, target.spread_s, rtd_ms=rtd_ms))

        pinger: icmp.Pinger | tcp_connect.Pinger
        if method == "tcp":
            assert target.tcp_port is not None
            pinger = tcp_connect.Pinger(host.family, host.address, target.tcp_port, target.timeout_s)
        else:
            pinger = icmp.Pinger(host.family, host.address, target.timeout_s)
        result = await _spread(target.count, target.spread_s, pinger, report)
        if method == "icmp" and any(delay is not None for delay in result[0]):
            self._answered_icmp.add(host.address)
        return result


async def _spread(
    count: int,
    spread_s: float,
    pinger: icmp.Pinger | tcp_connect.Pinger,
    report: Callable[[float | None], None] = lambda _: None,
) -> Round:
    """Send packet i at i x spread_s / count, whatever becomes of those before.

    Packets that could not be sent are left out; raises ProbeError if none could.
    """
    async with pinger:
        packets = [
            asyncio.ensure_future(_later(spread_s * i / count, pinger.round_trip_ms, report))
            for i in range(count)
        ]
        try:
            outcomes = await asyncio.gather(*packets)
        finally:
            for packet in packets:
                packet.cancel()
            await asyncio.gather(*packets, return_exceptions=True)
    sent = [outcome for outcome in outcomes if not isinstance(outcome, ProbeError)]
    if not sent:
        raise next(outcome for outcome in outcomes if isinstance(outcome, ProbeError))
    return sent, pinger.interface


async def _later(
    delay_s: float, send: Callable[[], Awaitable[float | None]], report: Callable[[float | None], None]
) -> float | ProbeError | None:
    await asyncio.sleep(delay_s)
    try:
        rtd_ms = await send()
    except ProbeError as error:
        return error
    report(rtd_ms)
    return rtd_ms


async def _resolve(target: LatencyTarget) -> Host:
    name = target.host
    if name is None:
        route = interfaces.default_route()
        if route is None or route.gateway is None:
            raise ProbeError("unreachable", "there is no default route with a gateway")
        name = route.gateway
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise error_of(fault, f"look up {name}") from fault
    family, _, _, _, sockaddr = found[0]
    return Host(family, str(sockaddr[0]))


def _server(target: LatencyTarget, host: Host | None, method: Method) -> str | None:
    name = host.address if host is not None else target.host
    if name is None or method == "icmp":
        return name
    return f"[{name}]:{target.tcp_port}" if ":" in name else f"{name}:{target.tcp_port}"


def _account(
    context: Context, interface: str | None, method: Method, round_trips: list[float | None]
) -> None:
    """Count what the packets weighed on the interface: estimates of headers and a small payload."""
    weight = tcp_connect.ROUND_TRIP_BYTES if method == "tcp" else icmp.ROUND_TRIP_BYTES
    answers = sum(delay is not None for delay in round_trips)
    context.test_traffic.add(interface, tx_bytes=len(round_trips) * weight, rx_bytes=answers * weight)


def _result(target: LatencyTarget, host: Host, method: Method, round_trips: list[float | None]) -> Latency:
    found = delays.figures(round_trips)
    return Latency(
        target=target.target,
        method=method,
        server=_server(target, host, method),
        sent_count=found.sent_count,
        received_count=found.received_count,
        rt_loss_ratio=found.rt_loss_ratio,
        rtd_min_ms=found.rtd_min_ms,
        rtd_p50_ms=found.rtd_p50_ms,
        rtd_p95_ms=found.rtd_p95_ms,
        rtd_max_ms=found.rtd_max_ms,
        rtd_pdv_p95_ms=found.rtd_pdv_p95_ms,
        rtd_ipdv_p95_ms=found.rtd_ipdv_p95_ms,
    )
