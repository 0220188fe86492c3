"""All checks, in the order in which a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantau_agent.doctor import allowance, broker, network, storage, testpoint, timing

if TYPE_CHECKING:
    from pantau_agent.doctor.findings import Check

CHECKS: Final[dict[str, Check]] = {
    "clock": timing.clock,
    "clock-offset": timing.clock_offset,
    "route": network.route,
    "link": network.link,
    "dns": network.dns,
    "broker-certificate": broker.certificate,
    "broker": broker.broker,
    "latency": testpoint.latency,
    "icmp": network.icmp_permission,
    "engines": testpoint.engines,
    "spool": storage.spool,
    "disk": storage.disk,
    "budget": allowance.budget,
    "remote": allowance.remote,
}

OF_THE_MACHINE: Final[dict[str, Check]] = {name: CHECKS[name] for name in ("clock", "route", "link")}
"""What can be checked without any configuration."""
