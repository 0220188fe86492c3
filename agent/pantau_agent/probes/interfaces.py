"""Which interface leads where: the default route, and the interface that holds a local address."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROUTES = Path("/proc/net/route")

_FLAG_UP = 0x1
_FLAG_GATEWAY = 0x2
_NOWHERE = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737): asking the system how to reach it sends nothing."""


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """Where IPv4 packets to the internet go; no gateway on point-to-point links such as mobile modems."""

    interface: str
    gateway: str | None


def default_route(routes: Path = ROUTES) -> DefaultRoute | None:
    """Return the IPv4 default route of lowest metric, or None. Linux only; None elsewhere."""
    try:
        lines = routes.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    candidates = [route for line in lines if (route := _parse_route(line.split())) is not None]
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _parse_route(columns: list[str]) -> tuple[int, DefaultRoute] | None:
    """Return metric and route if the line of /proc/net/route is a default route that is up."""
    try:
        interface, destination, gateway, flag_digits, _, _, metric, mask = columns[:8]
        flags = int(flag_digits, 16)
        is_default = int(destination, 16) == 0 and int(mask, 16) == 0 and flags & _FLAG_UP
        via = socket.inet_ntoa(struct.pack("=L", int(gateway, 16))) if flags & _FLAG_GATEWAY else None
        return (int(metric), DefaultRoute(interface, via)) if is_default else None
    except (ValueError, struct.error):
        return None


def default_interface(routes: Path = ROUTES) -> str:
    """Return the interface of the default route, else the busiest that is no loopback, else the loopback."""
    route = default_route(routes)
    if route is not None:
        return route.interface
    return interface_towards(_NOWHERE) or _busiest()


def interface_towards(address: tuple[Any, ...]) -> str | None:
    """Return the interface that packets to `address` take, None if there is none; nothing is sent.

    `address` is what sockets take, with numbers only: of two entries for IPv4, of four for IPv6.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
        except OSError:
            return None
        return interface_of(sock.getsockname()[0])


def _busiest() -> str:
    counters = psutil.net_io_counters(pernic=True)
    stats = psutil.net_if_stats()
    names = [name for name in counters if not is_loopback(name) and name in stats and stats[name].isup]
    names.sort(key=lambda name: counters[name].bytes_recv + counters[name].bytes_sent)
    return names[-1] if names else loopback()


def interface_of(local_address: str) -> str | None:
    """Return the interface that holds `local_address`, or None."""
    bare = local_address.removeprefix("::ffff:").partition("%")[0]
    for name, addresses in psutil.net_if_addrs().items():
        if any(entry.address.partition("%")[0] == bare for entry in addresses):
            return name
    return loopback() if bare.startswith("127.") else None


def loopback() -> str:
    """Return the name of the loopback interface."""
    return next((name for name in psutil.net_if_stats() if is_loopback(name)), "lo")


def is_loopback(name: str) -> bool:
    """Tell whether `name` is the loopback, from the interface's flags, else from its name."""
    stats = psutil.net_if_stats().get(name)
    if stats is not None and stats.flags:
        return "loopback" in stats.flags.split(",")
    return name == "lo" or name.lower().startswith("loopback")
