"""How an interface is attached: by wire, by air, by mobile network, and at what rate.

Shared by the probe of the link and by what limits a speed test; nothing here sends a packet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from pantau_agent.probes import interfaces
from pantau_agent.probes.files import text_of

Medium = Literal["wired", "wifi", "mobile", "loopback", "other"]

DEVICES = Path("/sys/class/net")

_MOBILE_PREFIXES = ("wwan", "ppp", "rmnet", "wwp")
_MOBILE_DRIVERS = {
    "rndis_host", "ipheth", "qmi_wwan", "cdc_mbim", "huawei_cdc_ncm", "option", "sierra_net",
}  # fmt: skip
_PLAIN_USB_DRIVERS = {"cdc_ether", "cdc_ncm"}
"""Drivers of network cards on USB, and of modems that look like one: the maker tells which."""
_MODEM_MAKERS = {
    "12d1", "19d2", "1bbb", "2c7c", "1e0e", "1199", "1bc7", "2cb7", "05c6", "1782",
}  # fmt: skip
"""USB vendors: Huawei, ZTE, Alcatel, Quectel, SIMCom, Sierra, Telit, Fibocom, Qualcomm, Unisoc."""
_ETHERNET = 1
_LOOPBACK = 772
_MBIT = 1_000_000
_UNKNOWN_SPEED_MBITS = 65535
_HALF_DUPLEX: dict[int, bool] = {psutil.NIC_DUPLEX_HALF: True, psutil.NIC_DUPLEX_FULL: False}


class Attachment(NamedTuple):
    """What the driver says of an interface; None where it says nothing, such as for Wi-Fi's rate."""

    is_up: bool | None
    negotiated_bps: float | None
    half_duplex: bool | None


def attachment(interface: str) -> Attachment:
    """Return the state of `interface`; all of it None where there is none of that name."""
    stats = psutil.net_if_stats().get(interface)
    if stats is None:
        return Attachment(None, None, None)
    known = 0 < stats.speed < _UNKNOWN_SPEED_MBITS
    rate_bps = float(stats.speed * _MBIT) if known else None
    return Attachment(stats.isup, rate_bps, _HALF_DUPLEX.get(stats.duplex) if known else None)


def medium(interface: str, devices: Path = DEVICES) -> Medium | None:
    """Return how the interface is attached, from Linux's /sys/class/net, else from its name; None if unknown.

    An Ethernet interface without hardware behind it (bridge, tunnel, container) is "other".
    """
    if interfaces.is_loopback(interface):
        return "loopback"
    device = devices / interface
    if not device.exists():
        return _medium_by_name(interface)
    kind = text_of(device / "type")
    if kind == str(_LOOPBACK):
        return "loopback"
    if (device / "wireless").exists() or (device / "phy80211").exists():
        return "wifi"
    if _is_mobile(interface, device):
        return "mobile"
    return "wired" if kind == str(_ETHERNET) and (device / "device").exists() else "other"


def _is_mobile(interface: str, device: Path) -> bool:
    """Tell whether a modem or a tethered telephone is behind the interface."""
    if interface.startswith(_MOBILE_PREFIXES) or "DEVTYPE=wwan" in text_of(device / "uevent").splitlines():
        return True
    driver = (device / "device" / "driver").resolve().name
    if driver in _PLAIN_USB_DRIVERS:
        return text_of((device / "device").resolve().parent / "idVendor") in _MODEM_MAKERS
    return driver in _MOBILE_DRIVERS


def _medium_by_name(interface: str) -> Medium | None:
    name = interface.lower()
    if name.startswith(("wi-fi", "wifi", "wlan", "wl")):
        return "wifi"
    if name.startswith(("ethernet", "eth")):
        return "wired"
    return "mobile" if name.startswith((*_MOBILE_PREFIXES, "cellular", "mobile")) else None
