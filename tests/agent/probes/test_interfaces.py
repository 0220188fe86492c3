"""Routes and interfaces, from the text that Linux shows and from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from pantau_agent.probes import interfaces
from pantau_agent.probes.interfaces import DefaultRoute, default_route

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LAN = "eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
WIRED = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
WIFI = "wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
MOBILE = "ppp0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
DOWN = "eth1\t00000000\t0102A8C0\t0002\t0\t0\t1\t00000000\t0\t0\t0\n"


def routes(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "route"
    file.write_text(HEADER + "".join(lines))
    return file


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([LAN, WIFI, WIRED], DefaultRoute("eth0", "192.168.2.1")),
        ([WIFI], DefaultRoute("wlan0", "192.168.1.254")),
        ([WIRED, MOBILE], DefaultRoute("ppp0", None)),
        ([LAN], None),
        ([DOWN], None),
        (["nonsense\n", "\n"], None),
    ],
)
def test_the_default_route_of_lowest_metric_is_found(
    tmp_path: Path, lines: list[str], expected: DefaultRoute | None
) -> None:
    assert default_route(routes(tmp_path, *lines)) == expected


def test_without_the_file_there_is_no_default_route(tmp_path: Path) -> None:
    assert default_route(tmp_path / "absent") is None


def test_without_a_default_route_some_interface_is_named(tmp_path: Path) -> None:
    assert interfaces.default_interface(routes(tmp_path, LAN)) in psutil.net_if_stats()


def test_the_interface_of_an_address_is_found() -> None:
    assert interfaces.interface_of("127.0.0.1") == interfaces.loopback()
    assert interfaces.interface_of("127.9.9.9") == interfaces.loopback()
    assert interfaces.interface_of("203.0.113.7") is None


def test_the_loopback_is_known() -> None:
    assert interfaces.is_loopback(interfaces.loopback())
    assert not interfaces.is_loopback("eth0")
