"""Which hosts a configuration sends to, and which of them a message may name."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pantau_agent.config.resolvers import SYSTEM
from pantau_agent.remote.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_agent.config import AgentConfig

CHOOSERS = {"speedtest": "www.speedtest.net", "speedtest-compat": "www.speedtest.net"}
"""Engines that are sent to a server by somebody else: that one must be allowed."""


def check_hosts(local: AgentConfig, wanted: AgentConfig) -> None:
    """Raise `RefusedError` for a target that is neither in `allowed_hosts` nor in the local configuration.

    Names are compared, not what they resolve to: who controls a name's DNS controls where it points.
    """
    known = {_host(text) for _, text in named(local)}
    patterns = [pattern.lower() for pattern in local.remote.allowed_hosts]
    for place, text in named(wanted):
        host = _host(text)
        if not host or (host not in known and not any(_matches(host, pattern) for pattern in patterns)):
            raise RefusedError("host", f"{place}: {host or text} is not in this device's allowed_hosts")


def named(config: AgentConfig) -> Iterator[tuple[str, str]]:
    """Yield each target with its place in the configuration: a host, host and port, or a web address."""
    speed, dns = config.speed, config.dns
    places: dict[str, Iterable[str | None]] = {
        "latency.targets": [target.host for target in config.latency.targets],
        "speed.url": [speed.url],
        "speed.ndt7_url": [speed.ndt7_url],
        "speed.iperf3_servers": speed.iperf3_servers,
        "speed.engines": [CHOOSERS.get(engine) for engine in speed.engines],
        "dns.names": dns.names,
        "dns.resolvers": [resolver for resolver in dns.resolvers if resolver != SYSTEM],
        "http.pages": config.http.pages,
    }
    for place, targets in places.items():
        yield from ((place, target) for target in targets if target is not None)


def _host(text: str) -> str:
    """Return the host alone, in the one spelling that is compared; nothing where that is not clear."""
    try:
        host = urlsplit(text if "://" in text else f"//{_bracketed(text)}").hostname or ""
    except ValueError:
        return ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "" if ":" in host else host.removesuffix(".")


def _bracketed(text: str) -> str:
    """Return a bare IPv6 address in brackets, anything else as it is."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == _host(pattern)
