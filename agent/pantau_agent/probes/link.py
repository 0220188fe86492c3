"""The device's own attachment to the network: what is on this side of the line."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from pantau_agent.probes import attachment, interfaces, wifi
from pantau_agent.probes.files import rows_of
from pantau_agent.probes.wifi import WifiLink
from pantau_wire.fields import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.base import Context

FINGERPRINT_NAMESPACE = b"pantau network fingerprint 1\0"
_FINGERPRINT_DIGITS = 32
_DISCARD_PORT = 9
_ARP_COMPLETE = 0x2
_ARP_GIVES_UP_S = 3.5
"""The kernel asks three times, a second apart, for an address that it does not know."""
_POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTarget:
    """Which interface (None: the default route's), and how long a gateway may take to answer at most.

    Nothing is sent unless `ask_gateway` says so; without it `gateway_answers` stays absent.
    9 s is what Linux needs to notice that a neighbour it knew is gone; a gateway that answers at
    once is seen at once.
    """

    interface: str | None = None
    ask_gateway: bool = False
    gateway_wait_s: float = 9.0


class LinkFiles(NamedTuple):
    """Where Linux shows the network; other places for tests."""

    routes: Path = interfaces.ROUTES
    neighbours: Path = Path("/proc/net/arp")
    wireless: Path = Path("/proc/net/wireless")
    devices: Path = attachment.DEVICES


class Neighbour(NamedTuple):
    """An entry of the ARP table: the hardware address is None while the kernel has no answer."""

    hardware_address: str | None


class LinkProbe:
    """Reads the state of one interface and asks its gateway for a sign of life.

    Without a default route the interface that had it last is reported, with the failure `unreachable`.
    """

    def __init__(
        self, files: LinkFiles | None = None, ask_driver: Callable[[str], WifiLink] = wifi.wifi_link
    ) -> None:
        """Take other files, and another driver of Wi-Fi, for tests."""
        self._files = files or LinkFiles()
        self._ask_driver = ask_driver
        self._last_interface: str | None = None

    async def __call__(self, target: LinkTarget, context: Context) -> Link:
        """Return what can be read; what cannot is absent."""
        route = interfaces.default_route(self._files.routes)
        name = target.interface or self._interface(route)
        gateway = route.gateway if route is not None and route.interface == name else None
        answers = await self._gateway_answers(gateway, name, target, context)
        neighbour = self._neighbour(gateway, name)
        attached = attachment.attachment(name)
        medium = attachment.medium(name, self._files.devices)
        air = self._wifi_link(name) if medium == "wifi" else WifiLink()
        return Link(
            interface=name,
            medium=medium,
            interface_up=attached.is_up,
            negotiated_bps=attached.negotiated_bps,
            wifi_signal_dbm=air.signal_dbm,
            wifi_rate_bps=air.rate_bps,
            gateway_answers=answers,
            network_fingerprint=fingerprint(neighbour.hardware_address if neighbour is not None else None),
            mains_power=mains_power(),
            failure=None if route is not None else "unreachable",
            failure_detail=None if route is not None else "there is no default route",
        )

    def _interface(self, route: interfaces.DefaultRoute | None) -> str:
        if route is not None:
            self._last_interface = route.interface
        return self._last_interface or interfaces.default_interface(self._files.routes)

    def _wifi_link(self, interface: str) -> WifiLink:
        told = self._ask_driver(interface)
        if told.signal_dbm is not None:
            return told
        return told._replace(signal_dbm=wifi.signal_dbm(interface, self._files.wireless))

    def _neighbour(self, gateway: str | None, interface: str) -> Neighbour | None:
        return neighbour_of(gateway, interface, self._files.neighbours) if gateway is not None else None

    async def _gateway_answers(
        self, gateway: str | None, interface: str, target: LinkTarget, context: Context
    ) -> bool | None:
        if gateway is None or not target.ask_gateway:
            return None
        context.test_traffic.add(interface, tx_bytes=_NUDGE_BYTES)
        return await gateway_answers(gateway, interface, target.gateway_wait_s, self._files.neighbours)


_NUDGE_BYTES = 14 + 20 + 8 + 1


async def gateway_answers(gateway: str, interface: str, wait_s: float, neighbours: Path) -> bool | None:
    """Send one octet to the gateway's discard port, and tell whether it shows any life; None if unknown.

    An ICMP "port unreachable" is life at once. Else the kernel must have, or confirm, its hardware
    address: a complete ARP entry that outlives `wait_s` is life, none within 3.5 s is not.
    """
    begun_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0)
        try:
            sock.connect((gateway, _DISCARD_PORT))
            sock.send(b"\0")
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        while (elapsed_s := time.monotonic() - begun_s) < wait_s:
            if _refused(sock):
                return True
            known = neighbour_of(gateway, interface, neighbours)
            if (known is None or known.hardware_address is None) and elapsed_s > _ARP_GIVES_UP_S:
                break
            await asyncio.sleep(min(_POLL_S, wait_s))
    return _is_known(gateway, interface, neighbours)


def _is_known(gateway: str, interface: str, neighbours: Path) -> bool | None:
    """Tell whether the kernel has the gateway's hardware address; None where there is no ARP table."""
    if not neighbours.exists():
        return None
    known = neighbour_of(gateway, interface, neighbours)
    return known is not None and known.hardware_address is not None


def _refused(sock: socket.socket) -> bool:
    """Tell whether anything came back: an ICMP error, or even an answer."""
    try:
        sock.recv(1)
    except BlockingIOError:
        return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def neighbour_of(gateway: str, interface: str, neighbours: Path) -> Neighbour | None:
    """Return the ARP table's entry for `gateway` on `interface`, or None."""
    for columns in rows_of(neighbours, skip_lines=1):
        match columns:
            case [address, _, flags, hardware_address, _, device] if (address, device) == (
                gateway,
                interface,
            ):
                complete = int(flags, 16) & _ARP_COMPLETE
                return Neighbour(hardware_address.lower() if complete else None)
    return None


def fingerprint(hardware_address: str | None) -> str | None:
    """Return 32 hex digits that tell networks apart without revealing the gateway's address itself."""
    octets = bytes.fromhex(hardware_address.replace(":", "")) if hardware_address is not None else b""
    if not any(octets):
        return None
    return hashlib.sha256(FINGERPRINT_NAMESPACE + octets).hexdigest()[:_FINGERPRINT_DIGITS]


def mains_power() -> bool | None:
    """Tell whether a device with a battery runs on mains; None without a battery."""
    read = getattr(psutil, "sensors_battery", None)
    battery = read() if read is not None else None
    return battery.power_plugged if battery is not None else None
