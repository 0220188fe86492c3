"""How a DNS resolver is named: `system`, or a server's address, with a port where it is not 53."""

from __future__ import annotations

import ipaddress
import re

from pantau_agent.i18n import _

SYSTEM = "system"

_PORT = 53
_EXAMPLES = "192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:5353"
_HIGHEST_PORT = 65_535
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:(?P<v6_port>\d{1,5}))?|(?P<v4>[^:]+):(?P<v4_port>\d{1,5})")


def resolver_address(resolver: str) -> tuple[str, int]:
    """Return the address and port of a resolver that is not the system's; raises ValueError."""
    parts = _WITH_PORT.fullmatch(resolver)
    host = (parts["v6"] or parts["v4"]) if parts else resolver
    digits = (parts["v6_port"] or parts["v4_port"]) if parts else None
    port = int(digits) if digits else _PORT
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not 0 < port <= _HIGHEST_PORT:
        text = _("{resolver} is not a resolver: say system, or an address such as {examples}")
        raise ValueError(text.format(resolver=repr(resolver[:80]), examples=_EXAMPLES))
    return str(address), port
