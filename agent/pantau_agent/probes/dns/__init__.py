"""How long a name takes to resolve: by the system's resolver, or by a server that is asked directly."""

from __future__ import annotations

from pantau_agent.probes.dns.probe import DnsTarget, dns

__all__ = ["DnsTarget", "dns"]
