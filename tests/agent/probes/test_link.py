"""The link probe, over the files that Linux shows, and a gateway on the loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pantau_agent.probes import link
from pantau_agent.probes.base import Context
from pantau_agent.probes.link import LinkFiles, LinkProbe, LinkTarget
from pantau_agent.probes.wifi import WifiLink

if TYPE_CHECKING:
    from pathlib import Path

ROUTE_HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ROUTE_LO = "lo\t00000000\t0100007F\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
ARP_HEADER = "IP address       HW type     Flags       HW address            Mask     Device\n"
WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 xwlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
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
    ("told", "signal_dbm", "rate_bps"),
    [
        (WifiLink(-61.0, 144_400_000.0), -61.0, 144_400_000.0),
        (WifiLink(None, 54_000_000.0), -56.0, 54_000_000.0),
        (WifiLink(), -56.0, None),
    ],
    ids=["driver", "driver-without-signal", "old-driver"],
)
async def test_wifi_s_signal_is_the_driver_s_or_else_the_file_s(
    tmp_path: Path, told: WifiLink, signal_dbm: float, rate_bps: float | None
) -> None:
    (tmp_path / "net" / "xwlan0" / "wireless").mkdir(parents=True)
    found = await LinkProbe(files(tmp_path), lambda _: told)(LinkTarget(interface="xwlan0"), Context())
    assert (found.medium, found.wifi_signal_dbm, found.wifi_rate_bps) == ("wifi", signal_dbm, rate_bps)


async def test_what_is_no_wifi_is_not_asked_for_its_signal(tmp_path: Path) -> None:
    def never(interface: str) -> WifiLink:
        raise AssertionError(interface)

    found = await LinkProbe(files(tmp_path), never)(LinkTarget(interface="lo"), Context())
    assert (found.wifi_signal_dbm, found.wifi_rate_bps) == (None, None)


def test_this_machine_has_mains_or_no_battery() -> None:
    assert link.mains_power() in {True, False, None}


async def test_the_gateway_is_left_alone_unless_told_otherwise(tmp_path: Path) -> None:
    context = Context()
    found = await LinkProbe(files(tmp_path, arp=arp_entry()))(LinkTarget(), context)
    assert found.gateway_answers is None
    assert found.network_fingerprint == link.fingerprint(MAC)
    assert not context.test_traffic.by_purpose()
