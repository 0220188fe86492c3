"""From this device to its own network: route, link, names, and whether ICMP is permitted."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.i18n import _
from pantau_agent.probes import PROBES, icmp, interfaces
from pantau_agent.probes.base import Context
from pantau_agent.probes.dns import DnsTarget
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.link import LinkTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_agent.config import AgentConfig
    from pantau_wire.fields import Dns, Link

_RESOLVE_S = 8.0
_WEAK_DBM = -75.0
_SLOW_BPS = 10_000_000
_MEGA = 1_000_000


async def route(config: AgentConfig) -> list[Finding]:  # noqa: ARG001 - the signature of all checks
    """Tell where packets to the internet go."""
    found = interfaces.default_route()
    if found is None:
        advice = _(
            "Check cable or Wi-Fi, and whether the router gives addresses (DHCP): ip route, ip address."
        )
        return [warning("route", _("there is no IPv4 default route: no way to the internet"), advice)]
    through = _("through {gateway}").format(gateway=found.gateway) if found.gateway else ""
    return [ok("route", f"{found.interface} {through}".strip())]


async def link(config: AgentConfig) -> list[Finding]:
    """Tell how this device is attached. The gateway is asked only where the configuration asks it too."""
    asks = config.link.ask_gateway or any(t.target == "gateway" for t in config.latency.targets)
    found: Link = await PROBES["link"](LinkTarget(ask_gateway=asks), Context())  # type: ignore[assignment]
    seen = ", ".join(_link_words(found))
    if found.interface_up is False:
        return [problem("link", seen, _("Plug in the cable, or switch on Wi-Fi."))]
    if found.gateway_answers is False:
        return [problem("link", seen, _("Check the cable or Wi-Fi to the router, and whether it has power."))]
    if found.wifi_signal_dbm is not None and found.wifi_signal_dbm < _WEAK_DBM:
        return [warning("link", seen, _("Bring the device closer to the access point, or use a cable."))]
    if found.negotiated_bps is not None and found.negotiated_bps <= _SLOW_BPS:
        return [
            warning("link", seen, _("Replace the cable, and look at the router's port: the link is slow."))
        ]
    return [ok("link", seen)]


def _link_words(found: Link) -> Iterator[str]:
    yield found.interface
    if found.medium is not None:
        yield _medium(found.medium)
    if found.interface_up is not None:
        yield _("up") if found.interface_up else _("down")
    for rate_bps in (found.negotiated_bps, found.wifi_rate_bps):
        if rate_bps is not None:
            yield f"{rate_bps / _MEGA:g} Mbit/s"
    if found.wifi_signal_dbm is not None:
        yield f"{found.wifi_signal_dbm:g} dBm"
    if found.gateway_answers is not None:
        yield _("the gateway answers") if found.gateway_answers else _("the gateway does not answer")


def _medium(medium: str) -> str:
    words = {"wired": _("cable"), "wifi": "Wi-Fi", "mobile": _("mobile network"), "loopback": "loopback"}
    return words.get(medium, _("virtual or unknown"))


async def dns(config: AgentConfig) -> list[Finding]:
    """Tell whether the system's resolver knows the names in the configuration."""
    names = sorted(set(_names(config)))
    if not names:
        return []
    found = await asyncio.gather(*(_resolve(name) for name in names))
    failed = [f"{answer.name} ({answer.failure_detail})" for answer in found if answer.failure]
    if not failed:
        slowest_ms = max(answer.resolve_ms or 0.0 for answer in found)
        detail = _("{names} in at most {delay} ms").format(names=", ".join(names), delay=f"{slowest_ms:.0f}")
        return [ok("dns", detail)]
    advice = _(
        "Check the spelling in the configuration, then the DNS server: cat /etc/resolv.conf, the router."
    )
    return [problem("dns", _("not resolved: {names}").format(names=", ".join(failed)), advice)]


async def _resolve(name: str) -> Dns:
    return await PROBES["dns"](DnsTarget(name=name, timeout_s=_RESOLVE_S), Context())  # type: ignore[return-value]


def _names(config: AgentConfig) -> Iterator[str]:
    """Yield the host names, addresses left out, that the configured measurements need."""
    hosts = [config.broker.host, *(target.host for target in config.latency.targets)]
    hosts += [urlsplit(url or "").hostname for url in (config.speed.url, config.speed.ndt7_url)]
    for host in hosts:
        if host and not _is_address(host):
            yield host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


async def icmp_permission(config: AgentConfig) -> list[Finding]:
    """Tell whether this user may send ICMP echo, where a configured target would use it."""
    methods = {target.method for target in config.latency.targets} & {"auto", "icmp"}
    if not methods:
        return []
    try:
        async with icmp.Pinger(socket.AF_INET, "127.0.0.1", timeout_s=1.0):
            return [ok("icmp", _("permitted to this user"))]
    except ProbeError as error:
        advice = _(
            "sudo sysctl -w net.ipv4.ping_group_range='0 2147483647', and the same line in /etc/sysctl.d/"
            " so that it stays (CAP_NET_RAW is not needed)."
        )
        detail = _icmp_refusal() if error.failure == "permission" else error.detail
        if "icmp" in methods:
            return [problem("icmp", detail, advice)]
        return [warning("icmp", detail + "; " + _("TCP is used instead"), advice)]


def _icmp_refusal() -> str:
    groups = sorted({os.getgid(), *os.getgroups()}) if hasattr(os, "getgroups") else []
    return _("not permitted: net.ipv4.ping_group_range has none of this user's groups ({groups})").format(
        groups=", ".join(map(str, groups))
    )
