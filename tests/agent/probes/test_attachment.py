"""How an interface is attached, from the files that Linux shows and from real interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from pantau_agent.probes import attachment, host_limits, interfaces, throttling
from pantau_agent.probes.attachment import Attachment
from pantau_agent.probes.host_limits import HostLimits

if TYPE_CHECKING:
    from pathlib import Path

ETHERNET = {"type": "1\n"}


def device(folder: Path, name: str, files: dict[str, str], driver: str | None, maker: str | None) -> None:
    """Lay out an interface as sysfs does: its hardware a link to the bus, the maker one folder above."""
    for path, text in files.items():
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    if driver is not None:
        (folder / "drivers" / driver).mkdir(parents=True)
        (folder / "bus" / "1-1" / "1-1:1.0").mkdir(parents=True)
        (folder / name / "device").symlink_to(folder / "bus" / "1-1" / "1-1:1.0")
        (folder / name / "device" / "driver").symlink_to(folder / "drivers" / driver)
    if maker is not None:
        (folder / "bus" / "1-1" / "idVendor").write_text(f"{maker}\n")


@pytest.mark.parametrize(
    ("name", "files", "driver", "maker", "expected"),
    [
        ("xeth0", ETHERNET, "r8169", None, "wired"),
        ("xbr0", ETHERNET, None, None, "other"),
        ("xwlan0", ETHERNET | {"wireless/x": ""}, "brcmfmac", None, "wifi"),
        ("xwlan1", ETHERNET | {"phy80211/x": ""}, "mt7921e", None, "wifi"),
        ("wwan7", ETHERNET, "other", None, "mobile"),
        ("xusb0", ETHERNET, "rndis_host", "04e8", "mobile"),
        ("xusb1", ETHERNET | {"uevent": "DEVTYPE=wwan\nINTERFACE=xusb1\n"}, "cdc_ether", "1234", "mobile"),
        ("xusb2", ETHERNET, "cdc_ether", "12d1", "mobile"),
        ("xusb3", ETHERNET, "cdc_ether", "0bda", "wired"),
        ("xusb4", ETHERNET, "cdc_ncm", None, "wired"),
        ("xusb5", ETHERNET, "ax88179_178a", "12d1", "wired"),
        ("xtun0", {"type": "65534\n"}, None, None, "other"),
        ("xlo", {"type": "772\n"}, None, None, "loopback"),
        ("xodd", {"type": "?\n"}, "r8169", None, "other"),
    ],
)
def test_the_medium_follows_from_sysfs(  # noqa: PLR0917 - one per column of the table
    tmp_path: Path, name: str, files: dict[str, str], driver: str | None, maker: str | None, expected: str
) -> None:
    """An LTE stick may look like a network card on USB: its maker tells."""
    device(tmp_path, name, files, driver, maker)
    assert attachment.medium(name, tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Wi-Fi", "wifi"), ("Ethernet 2", "wired"), ("Cellular", "mobile"), ("zt0", None)]
)
def test_elsewhere_the_medium_is_guessed_from_the_name(
    tmp_path: Path, name: str, expected: str | None
) -> None:
    assert attachment.medium(name, tmp_path) == expected


def test_an_interface_that_does_not_exist_is_unknown() -> None:
    assert attachment.attachment("no-such-0") == Attachment(None, None, None)
    assert host_limits.read("no-such-0")[:2] == (None, None)


def test_the_loopback_is_up_and_has_no_rate() -> None:
    name = interfaces.loopback()
    assert attachment.attachment(name) == Attachment(is_up=True, negotiated_bps=None, half_duplex=None)
    assert attachment.medium(name) == "loopback"


@pytest.mark.parametrize(
    ("speed_mbits", "duplex", "expected"),
    [
        (100, psutil.NIC_DUPLEX_HALF, (100e6, True)),
        (1000, psutil.NIC_DUPLEX_FULL, (1e9, False)),
        (2500, psutil.NIC_DUPLEX_UNKNOWN, (2.5e9, None)),
        (0, psutil.NIC_DUPLEX_FULL, (None, None)),
        (65535, psutil.NIC_DUPLEX_UNKNOWN, (None, None)),
    ],
)
def test_half_duplex_and_an_unknown_rate_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, speed_mbits: int, duplex: int, expected: tuple[float | None, bool | None]
) -> None:
    """Rates that no interface here has, as psutil tells them."""
    stats = psutil.net_if_stats()["lo"]._replace(speed=speed_mbits, duplex=duplex)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: {"eth0": stats})
    found = attachment.attachment("eth0")
    assert (found.negotiated_bps, found.half_duplex) == expected
    throttled = throttling.read().now
    assert host_limits.read("eth0") == HostLimits(expected[0], None, throttled, expected[1])
    assert host_limits.read(None) == HostLimits(None, None, throttled, None)
