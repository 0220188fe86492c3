"""The link probe, over the files that Linux shows, and a gateway on the loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pantau_agent.probes import link
from pantau_agent.probes.base import Context
from pantau_agent.probes.link import LinkFiles, LinkProbe, LinkTarget

if TYPE_CHECKING:
    from pathlib import Path

ROUTE_HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ROUTE_LO = "lo\t00000000\t0100007F\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
ARP_HEADER = "IP address       HW type     Flags       HW address            Mask     Device\n"
WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
 wlan1: 0000   54.  200.  -256        0      0      0      0      0        0
 wlan2: 0000   bad
"""
MAC = "02:fc:00:00:00:05"


def files(tmp_path: Path, *, route: bool = True, arp: str = "") -> LinkFiles:
    (tmp_path / "route").write_text(ROUTE_HEADER + (ROUTE_LO if route else ""))
    (tmp_path / "arp").write_text(ARP_HEADER + arp)
    (tmp_path / "wireless").write_text(WIRELESS)
    return LinkFiles(tmp_path / "route", tmp_path / "arp", tmp_path / "wireless", tmp_path / "net")


def arp_entry(address: str = "127.0.0.1", flags: str = "0x2") -> str:
    return f"{address}        0x1         {flags}         {MAC}     *        lo\n"


async def test_a_gateway_that_refuses_answers(tmp_path: Path) -> None:
    found = await LinkProbe(files(tmp_path, arp=arp_entry()))(LinkTarget(ask_gateway=True), Context())
    assert (found.interface, found.gateway_answers, found.interface_up) == ("lo", True, True)
    assert found.network_fingerprint == link.fingerprint(MAC)
    assert found.medium == "loopback"
    assert found.failure is None


async def test_without_a_default_route_nothing_is_sent(tmp_path: Path) -> None:
    context = Context()
    found = await LinkProbe(files(tmp_path, route=False))(LinkTarget(), context)
    assert (found.failure, found.gateway_answers, found.network_fingerprint) == ("unreachable", None, None)
    assert found.interface
    assert not context.test_traffic.by_purpose()


async def test_the_interface_that_lost_its_route_is_still_reported(tmp_path: Path) -> None:
    probe = LinkProbe(files(tmp_path, arp=arp_entry()))
    await probe(LinkTarget(), Context())
    files(tmp_path, route=False)
    found = await probe(LinkTarget(), Context())
    assert (found.interface, found.failure) == ("lo", "unreachable")


@pytest.fixture
def silent_gateway() -> str:
    """An address of the loopback whose discard port takes everything and says nothing."""
    return "127.0.0.77"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (arp_entry("127.0.0.77"), True),
        (arp_entry("127.0.0.77", "0x0"), False),
        (arp_entry("127.0.0.78"), False),
        ("", False),
    ],
)
async def test_a_silent_gateway_is_judged_by_its_arp_entry(
    tmp_path: Path, silent_gateway: str, entry: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((silent_gateway, 0))
        monkeypatch.setattr(link, "_DISCARD_PORT", sink.getsockname()[1])
        table = files(tmp_path, arp=entry).neighbours
        assert await link.gateway_answers(silent_gateway, "lo", 0.3, table) is expected
        assert sink.recv(10) == b"\0"


def test_fingerprints_tell_networks_apart_and_hide_the_address() -> None:
    one = link.fingerprint(MAC)
    assert one is not None
    assert len(one) == 32
    assert one == link.fingerprint(MAC)
    assert one != link.fingerprint("02:fc:00:00:00:06")
    assert MAC.replace(":", "") not in one
    assert link.fingerprint("00:00:00:00:00:00") is None
    assert link.fingerprint(None) is None


@pytest.mark.parametrize(
    ("interface", "expected"), [("wlan0", -56.0), ("wlan1", -56.0), ("wlan2", None), ("wlan3", None)]
)
def test_wifi_signal_is_in_dbm(tmp_path: Path, interface: str, expected: float | None) -> None:
    assert link.wifi_signal_dbm(interface, files(tmp_path).wireless) == expected


@pytest.mark.parametrize(
    ("name", "entries", "driver", "expected"),
    [
        ("xeth0", {"type": "1", "device/x": ""}, "r8169", "wired"),
        ("xbr0", {"type": "1"}, None, "other"),
        ("xwlan0", {"type": "1", "wireless/x": "", "device/x": ""}, "brcmfmac", "wifi"),
        ("wwan7", {"type": "1", "device/x": ""}, "other", "mobile"),
        ("xusb0", {"type": "1", "device/x": ""}, "rndis_host", "mobile"),
        ("xtun0", {"type": "65534"}, None, "other"),
        ("xlo", {"type": "772"}, None, "loopback"),
    ],
)
def test_the_medium_follows_from_sysfs(
    tmp_path: Path, name: str, entries: dict[str, str], driver: str | None, expected: str
) -> None:
    for path, text in entries.items():
        file = tmp_path / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    if driver is not None:
        (tmp_path / driver).mkdir()
        (tmp_path / name / "device" / "driver").symlink_to(tmp_path / driver)
    assert link.medium(name, tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Wi-Fi", "wifi"), ("Ethernet 2", "wired"), ("Cellular", "mobile"), ("zt0", None)]
)
def test_elsewhere_the_medium_is_guessed_from_the_name(
    tmp_path: Path, name: str, expected: str | None
) -> None:
    assert link.medium(name, tmp_path) == expected


def test_this_machine_has_mains_or_no_battery() -> None:
    assert link.mains_power() in {True, False, None}


async def test_the_gateway_is_left_alone_unless_told_otherwise(tmp_path: Path) -> None:
    context = Context()
    found = await LinkProbe(files(tmp_path, arp=arp_entry()))(LinkTarget(), context)
    assert found.gateway_answers is None
    assert found.network_fingerprint == link.fingerprint(MAC)
    assert not context.test_traffic.by_purpose()
