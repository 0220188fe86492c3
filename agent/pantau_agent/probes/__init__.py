"""All probes, by name. A new one is a module here and a line in this table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pantau_agent.probes.device import DeviceProbe, DeviceTarget
from pantau_agent.probes.dns import DnsTarget, dns
from pantau_agent.probes.http import HttpTarget, http
from pantau_agent.probes.latency import LatencyProbe, LatencyTarget
from pantau_agent.probes.link import LinkProbe, LinkTarget
from pantau_agent.probes.speed import SpeedTarget, speed
from pantau_agent.probes.traffic import TrafficProbe, TrafficTarget

if TYPE_CHECKING:
    from pantau_agent.probes.base import Probe

PROBES: Final[dict[str, Probe[Any]]] = {
    "traffic": TrafficProbe(),
    "latency": LatencyProbe(),
    "speed": speed,
    "dns": dns,
    "http": http,
    "link": LinkProbe(),
    "device": DeviceProbe(),
}
"""Those that are objects remember something between calls, such as the last counters of an interface."""

__all__ = [
    "PROBES",
    "DeviceTarget",
    "DnsTarget",
    "HttpTarget",
    "LatencyTarget",
    "LinkTarget",
    "SpeedTarget",
    "TrafficTarget",
]
