"""Round-trip delay, delay variation and loss to one target, by STAMP, ICMP echo or TCP connect.

What an answer is: the reply of a STAMP reflector; an ICMP echo reply; a SYN/ACK; or a RST ("connection
refused"), because only the host's own stack answers a SYN so, and it needed one round trip to do it.

What a result means (the SLA tells outages from faults of this machine by it):

- `sent_count` > 0 and `failure` None: packets left this machine. `received_count` may be 0 and
  `rt_loss_ratio` 1.0: a valid measurement, and evidence that the link is down. Delays are then absent.
- `skipped_count` > 0: so many packets were not sent, because a speed test of ours loaded the line when it was
  their turn. If all were, `sent_count` is 0, and there is neither delay nor loss nor a failure.
- `failure` set and all numbers absent: nothing could be sent (no route: `unreachable`; the name does not
  resolve: `name_resolution`; this machine does not let us: `permission`).
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pantau_agent.i18n import _
from pantau_agent.probes import delays, icmp, interfaces, stamp, stamp_packet, tcp_connect
from pantau_agent.probes.base import LOCAL, Progress
from pantau_agent.probes.failures import ProbeError, error_of
from pantau_agent.probes.stamp_loss import LostEachWay
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pantau_agent.probes.base import Context

Method = Literal["icmp", "tcp", "stamp"]
Pinger = icmp.Pinger | tcp_connect.Pinger | stamp.Pinger
_SKIPPED: Final = "skipped"
_TRIAL_COUNT = 3
_TRIAL_INTERVAL_S = 0.2


class Weight(NamedTuple):
    """What a packet and its answer weigh, in bytes."""

    sent_bytes: int
    answer_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyTarget:
    """Whom to ask and how: `count` packets spread evenly over `spread_s`, each waited for `timeout_s`.

    `host` None is only for the gateway: the default route's, looked up at each run. `stamp_port` and
    `tcp_port` are needed for the methods of that name. `auto` tries STAMP where there is a `stamp_port`, then
    ICMP, then TCP where there is a `tcp_port`. With a `stamp_key` STAMP is authenticated.
    """

    target: Literal["gateway", "testpoint", "internet"]
    host: str | None = None
    tcp_port: int | None = None
    stamp_port: int | None = None
    stamp_key: bytes | None = field(default=None, repr=False)
    method: Literal["auto", "icmp", "tcp", "stamp"] = "auto"
    count: int = 20
    spread_s: float = 50.0
    timeout_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for a target that cannot be probed."""
        if self.host is None and self.target != "gateway":
            raise ValueError(_("target {target} needs a host").format(target=self.target))
        if self.method == "tcp" and self.tcp_port is None:
            raise ValueError(_("method tcp needs tcp_port"))
        if self.method == "stamp" and self.stamp_port is None:
            raise ValueError(_("method stamp needs stamp_port"))
        if self.count < 1 or self.spread_s < 0 or self.timeout_s <= 0:
            raise ValueError("count and timeout_s must be above 0, spread_s at least 0")

    def port(self, method: Method) -> int | None:
        """Return the port that a method uses."""
        return {"icmp": None, "tcp": self.tcp_port, "stamp": self.stamp_port}[method]

    def codec(self) -> stamp_packet.Codec:
        """Return the mode of STAMP."""
        return stamp_packet.codec_of(self.stamp_key)

    def weigh(self, method: Method) -> Weight:
        """Return what a packet and its answer weigh on the line, headers included."""
        if method == "tcp":
            return Weight(tcp_connect.SENT_BYTES, tcp_connect.ANSWER_BYTES)
        size = icmp.ROUND_TRIP_BYTES if method == "icmp" else stamp.HEADERS_BYTES + self.codec().size
        return Weight(size, size)

    def methods(self) -> list[Method]:
        """Return the methods that may be used, the preferred one first."""
        if self.method != "auto":
            return [self.method]
        order: tuple[Method, ...] = ("stamp", "icmp", "tcp")
        return [method for method in order if method == "icmp" or self.port(method) is not None]


class Host(NamedTuple):
    """A resolved target."""

    family: socket.AddressFamily
    address: str


class Round(NamedTuple):
    """A delay in ms or None for each packet sent, where they were lost, and how many were left out."""

    round_trips: list[float | None]
    lost: LostEachWay = LostEachWay()
    skipped_count: int = 0


class LatencyProbe:
    """Probes targets. `auto` stays with a method that a host ever answered: its silence is loss then.

    For any other host three packets are tried first; if they cannot be sent or nobody answers, the next
    method is tried, and the last one is used in any case. The result names the method that was used.
    """

    def __init__(self) -> None:
        """Begin without knowledge of hosts."""
        self._answered: set[tuple[Method, str]] = set()

    async def __call__(self, target: LatencyTarget, context: Context) -> Latency:
        """Send the packets and return their figures; see the module for what a result means."""
        method: Method = "icmp" if target.method == "auto" else target.method
        try:
            host = await _resolve(target)
            method = await self._choose(target, host, context)
            found = await self._probe(target, host, method, context)
        except ProbeError as error:
            return Latency(
                target=target.target,
                method=method,
                server=_server(target, None, method),
                failure=error.failure,
                failure_detail=error.detail,
            )
        return _result(target, host, method, found)

    async def _choose(self, target: LatencyTarget, host: Host, context: Context) -> Method:
        *tried_first, last = target.methods()
        for method in tried_first:
            if (method, host.address) in self._answered or await self._try(target, host, method, context):
                return method
        return last

    async def _try(self, target: LatencyTarget, host: Host, method: Method, context: Context) -> bool:
        """Tell whether anybody answers to this method."""
        try:
            pinger = _pinger(target, host, method)
            book = _booking(context, target, method, pinger)
            found = await _spread(_TRIAL_COUNT, _TRIAL_INTERVAL_S * _TRIAL_COUNT, pinger, book)
        except ProbeError:
            return False
        return self._note(host, method, found)

    async def _probe(self, target: LatencyTarget, host: Host, method: Method, context: Context) -> Round:
        begun_s = time.monotonic()
        pinger = _pinger(target, host, method)
        book = _booking(context, target, method, pinger)

        def report(rtd_ms: float | None) -> None:
            book(rtd_ms)
            elapsed_s = time.monotonic() - begun_s
            context.on_progress(Progress("probes", elapsed_s, target.spread_s, rtd_ms=rtd_ms))

        found = await _spread(target.count, target.spread_s, pinger, report, lambda: context.line.loaded)
        self._note(host, method, found)
        return found

    def _note(self, host: Host, method: Method, found: Round) -> bool:
        answered = any(delay is not None for delay in found.round_trips)
        if answered:
            self._answered.add((method, host.address))
        return answered


def _pinger(target: LatencyTarget, host: Host, method: Method) -> Pinger:
    port = target.port(method)
    if method == "icmp":
        return icmp.Pinger(host.family, host.address, target.timeout_s)
    assert port is not None
    if method == "tcp":
        return tcp_connect.Pinger(host.family, host.address, port, target.timeout_s)
    return stamp.Pinger(host.family, host.address, port, target.timeout_s, target.codec())


async def _spread(
    count: int,
    spread_s: float,
    pinger: Pinger,
    report: Callable[[float | None], None],
    loaded: Callable[[], bool] = lambda: False,
) -> Round:
    """Send packet i at i x spread_s / count, whatever becomes of those before, unless the line is `loaded`.

    Packets that could not be sent are left out; raises ProbeError if none could.
    """
    async with pinger:
        packets = [
            asyncio.ensure_future(_later(spread_s * i / count, pinger.round_trip_ms, report, loaded))
            for i in range(count)
        ]
        try:
            outcomes = await asyncio.gather(*packets)
        finally:
            for packet in packets:
                packet.cancel()
            await asyncio.gather(*packets, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, ProbeError)]
    sent = [outcome for outcome in outcomes if not isinstance(outcome, ProbeError | str)]
    if errors and not sent:
        raise errors[0]
    lost = pinger.lost_each_way() if isinstance(pinger, stamp.Pinger) else LostEachWay()
    return Round(sent, lost, skipped_count=count - len(errors) - len(sent))


async def _later(
    delay_s: float,
    send: Callable[[], Awaitable[float | None]],
    report: Callable[[float | None], None],
    loaded: Callable[[], bool],
) -> float | ProbeError | Literal["skipped"] | None:
    await asyncio.sleep(delay_s)
    if loaded():
        return _SKIPPED
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
    port = target.port(method)
    if name is None or port is None:
        return name
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _booking(
    context: Context, target: LatencyTarget, method: Method, pinger: Pinger
) -> Callable[[float | None], None]:
    """Return what books each packet's weight on the interface, so that a run cut short is booked too."""
    weight = target.weigh(method)
    traffic = context.test_traffic.purposed(LOCAL) if target.target == "gateway" else context.test_traffic

    def book(rtd_ms: float | None) -> None:
        rx_bytes = weight.answer_bytes if rtd_ms is not None else 0
        traffic.add(pinger.interface, tx_bytes=weight.sent_bytes, rx_bytes=rx_bytes)

    return book


def _result(target: LatencyTarget, host: Host, method: Method, found: Round) -> Latency:
    figures = delays.figures(found.round_trips)
    return Latency(
        target=target.target,
        method=method,
        server=_server(target, host, method),
        authenticated=target.stamp_key is not None if method == "stamp" else None,
        sent_count=figures.sent_count,
        received_count=figures.received_count,
        skipped_count=found.skipped_count,
        forward_lost_count=found.lost.forward,
        backward_lost_count=found.lost.backward,
        rt_loss_ratio=figures.rt_loss_ratio,
        rtd_min_ms=figures.rtd_min_ms,
        rtd_p50_ms=figures.rtd_p50_ms,
        rtd_p95_ms=figures.rtd_p95_ms,
        rtd_max_ms=figures.rtd_max_ms,
        rtd_pdv_p95_ms=figures.rtd_pdv_p95_ms,
        rtd_ipdv_p95_ms=figures.rtd_ipdv_p95_ms,
    )
