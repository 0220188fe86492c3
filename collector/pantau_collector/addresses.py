"""What an address says about who can reach us, and how far an address tells people apart."""

from __future__ import annotations

import ipaddress

_SUBSCRIBER_PREFIX = 64  # RFC 6177: a subscriber has a /64 at least, and may change addresses within it


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a server bound to `host`. A name other than localhost is not."""
    address = _parsed(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_everywhere(host: str) -> bool:
    """Tell whether `host` means every address of this machine."""
    address = _parsed(host)
    return not host if address is None else address.is_unspecified


def subscriber(host: str) -> str:
    """Return what one subscriber's addresses have in common: the IPv4 address, or the IPv6 /64."""
    address = _parsed(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _SUBSCRIBER_PREFIX), strict=False))
    return host if address is None else str(address)


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, an IPv4 address for one that is mapped into IPv6; None where it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
