"""Bytes that cross one interface, of this machine or of the village router: passive measurement (RFC 7799).

What our own tests caused is reported beside and subtracted from the rates.
"""

from pantau_agent.probes.traffic.probe import TrafficProbe, TrafficTarget
from pantau_agent.probes.traffic.router import RouterTarget

__all__ = ["RouterTarget", "TrafficProbe", "TrafficTarget"]
