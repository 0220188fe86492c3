"""What held a test back, judged from what its parts and the device say. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.probes.failures import printable
from pantau_agent.probes.speed.transport.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_agent.probes.host_limits import HostLimits
    from pantau_agent.probes.speed.result import Direction, Findings
    from pantau_wire.fields import LimitedBy

_ETHERNET_SHARE = 1448 / 1538
"""TCP payload of a full frame over its time on the wire: preamble, check sum and gap take 24 octets more."""
_NEAR_FULL_RATIO = 0.9
_WIFI_SHARE = 0.5
"""Of the rate at which Wi-Fi frames are sent, contention, acknowledgements and preambles leave 50 to 65% for
TCP. The lower end: a test that may have been held back by the air must not be held against the line."""
_MEGA = 1e6


class Limit(NamedTuple):
    """What held a test back, and exactly how; a detail is absent where there is nothing to add."""

    by: LimitedBy
    detail: str | None = None


def limit(findings: Findings) -> Limit | None:
    """Return what held the test back, the gravest first; None if a failure left nothing to judge."""
    if isinstance(findings.error, BusyError):
        return Limit("server", findings.error.detail)
    if findings.part == "line" and findings.error is not None:
        return Limit("busy_line", findings.error.detail)
    ran = list(findings.directions())
    return _of_directions(findings, ran) if ran else None


def _of_directions(findings: Findings, ran: Sequence[tuple[str, Direction]]) -> Limit:
    spent = [f"{way}: its share of {found.payload_bytes} bytes" for way, found in ran if found.budget_spent]
    if spent:
        return Limit("budget", printable("; ".join(spent)))
    device = [*_of_device(findings.host_limits), *(text for part in ran for text in _of_way(findings, *part))]
    if device:
        return Limit("device", printable("; ".join(device)))
    if findings.others_bps is not None:
        return Limit("busy_line", f"other traffic of {_mbits(findings.others_bps)} before the test")
    return Limit("none")


def _of_device(host_limits: Sequence[HostLimits]) -> Iterator[str]:
    """Yield what slows every test down.

    Half duplex is one at any rate: it is mostly the sign of a failed negotiation, where the other end sends
    at full duplex and both lose frames.
    """
    if any(limits.throttled for limits in host_limits):
        yield "processor slowed down by heat or a weak power supply"
    if any(limits.half_duplex for limits in host_limits):
        yield "link in half duplex"


def _of_way(findings: Findings, way: str, found: Direction) -> Iterator[str]:
    """Yield what of this device held one direction back."""
    if found.cpu_saturated:
        yield f"{way}: processor fully busy"
    if found.goodput is None:
        return
    for name, rate_bps, share in _links(findings.host_limits):
        if found.goodput.bps >= rate_bps * share:
            yield f"{way}: {name} of {_mbits(rate_bps)}"


def _links(host_limits: Sequence[HostLimits]) -> Iterator[tuple[str, float, float]]:
    """Yield the name of each link that may limit, its lowest rate, and the share of it that is suspicious."""
    wired = [limits.negotiated_bps for limits in host_limits if limits.negotiated_bps]
    wifi = [limits.wifi_rate_bps for limits in host_limits if limits.wifi_rate_bps]
    if wired:
        yield "link", min(wired), _ETHERNET_SHARE * _NEAR_FULL_RATIO
    if wifi:
        yield "Wi-Fi", min(wifi), _WIFI_SHARE


def _mbits(rate_bps: float) -> str:
    return f"{rate_bps / _MEGA:.2f} Mbit/s"
