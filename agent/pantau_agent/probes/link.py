"""The device's own attachment to the network: what is on this side of the line."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import psutil

from pantau_agent.probes import interfaces
from pantau_wire.fields import Link

if TYPE_CHECKING:
    from pantau_agent.probes.base import Context

Medium = Literal["wired", "wifi", "mobile", "loopback", "other"]

WIRELESS = Path("/proc/net/wireless")
DEVICES = Path("/sys/class/net")

FINGERPRINT_NAMESPACE = b"pantau network fingerprint 1\0"
_FINGERPRINT_DIGITS = 32
_DISCARD_PORT = 9
_ARP_COMPLETE = 0x2
_ARP_GIVES_UP_S = 3.5
"""The kernel asks three times, a second apart, for an address that it does not know."""
_POLL_S = 0.25

_MOBILE_PREFIXES = ("wwan", "ppp", "rmnet", "wwp")
_MOBILE_DRIVERS = {"rndis_host", "ipheth", "qmi_wwan", "cdc_mbim", "option", "sierra_net"}
_ETHERNET = 1
_LOOPBACK = 772
_MBIT = 1_000_000
_UNKNOWN_SPEED_MBITS = 65535
_DBM_WRAP = 256


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
    wireless: Path = WIRELESS
    devices: Path = DEVICES


class Neighbour(NamedTuple):
    """An entry of the ARP table: the hardware address is None while the kernel has no answer."""

    hardware_address: str | None


class LinkProbe:
    """Reads the state of one interface and asks its gateway for a sign of life.

    Without a default route the interface that had it last is reported, with the failure `unreachable`.
    """

    def __init__(self, files: LinkFiles | None = None) -> None:
        """Take other files for tests."""
        self._files = files or LinkFiles()
        self._last_interface: str | None = None

    async def __call__(self, target: LinkTarget, context: Context) -> Link:
        """Return what can be read; what cannot is absent."""
        route = interfaces.default_route(self._files.routes)
        name = target.interface or self._interface(route)
        gateway = route.gateway if route is not None and route.interface == name else None
        answers = await self._gateway_answers(gateway, name, target, context)
        neighbour = self._neighbour(gateway, name)
        stats = psutil.net_if_stats().get(name)
        return Link(
            interface=name,
            medium=medium(name, self._files.devices),
            interface_up=stats.isup if stats is not None else None,
            negotiated_bps=_negotiated_bps(stats.speed if stats is not None else 0),
            wifi_signal_dbm=wifi_signal_dbm(name, self._files.wireless),
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
    for columns in _rows(neighbours, skip=1):
        match columns:
            case [address, _, flags, hardware_address, _, device] if (address, device) == (
                gateway,
                interface,
            ):
                complete = int(flags, 16) & _ARP_COMPLETE
                return Neighbour(hardware_address.lower() if complete else None)
    return None


def _rows(file: Path, skip: int) -> list[list[str]]:
    try:
        return [line.split() for line in file.read_text(encoding="ascii").splitlines()[skip:]]
    except OSError:
        return []


def fingerprint(hardware_address: str | None) -> str | None:
    """Return 32 hex digits that tell networks apart without revealing the gateway's address itself."""
    octets = bytes.fromhex(hardware_address.replace(":", "")) if hardware_address is not None else b""
    if not any(octets):
        return None
    return hashlib.sha256(FINGERPRINT_NAMESPACE + octets).hexdigest()[:_FINGERPRINT_DIGITS]


def medium(interface: str, devices: Path = DEVICES) -> Medium | None:
    """Return how the interface is attached, from Linux's /sys/class/net, else from its name; None if unknown.

    An Ethernet interface without hardware behind it (bridge, tunnel, container) is "other".
    """
    if interfaces.is_loopback(interface):
        return "loopback"
    device = devices / interface
    if not device.exists():
        return _medium_by_name(interface)
    kind = _number(device / "type")
    if kind == _LOOPBACK:
        return "loopback"
    if (device / "wireless").exists() or (device / "phy80211").exists():
        return "wifi"
    driver = (device / "device" / "driver").resolve().name
    if interface.startswith(_MOBILE_PREFIXES) or driver in _MOBILE_DRIVERS:
        return "mobile"
    return "wired" if kind == _ETHERNET and (device / "device").exists() else "other"


def _medium_by_name(interface: str) -> Medium | None:
    name = interface.lower()
    if name.startswith(("wi-fi", "wifi", "wlan", "wl")):
        return "wifi"
    if name.startswith(("ethernet", "eth")):
        return "wired"
    return "mobile" if name.startswith((*_MOBILE_PREFIXES, "cellular", "mobile")) else None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _negotiated_bps(mbits: int) -> float | None:
    return float(mbits * _MBIT) if 0 < mbits < _UNKNOWN_SPEED_MBITS else None


def wifi_signal_dbm(interface: str, wireless: Path = WIRELESS) -> float | None:
    """Return the received signal strength from /proc/net/wireless, or None if there is none."""
    for columns in _rows(wireless, skip=2):
        if columns and columns[0] == f"{interface}:":
            try:
                level = float(columns[3])
            except (IndexError, ValueError):
                return None
            return level - _DBM_WRAP if level > 0 else level
    return None


def mains_power() -> bool | None:
    """Tell whether a device with a battery runs on mains; None without a battery."""
    read = getattr(psutil, "sensors_battery", None)
    battery = read() if read is not None else None
    return battery.power_plugged if battery is not None else None
