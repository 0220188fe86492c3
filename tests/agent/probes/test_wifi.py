"""Wi-Fi's signal and rate, from messages that pyroute2 encodes, and netlink itself with the real kernel.

No machine of ours has a radio, nor this kernel its simulation (mac80211_hwsim).
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.probes import netlink, wifi
from pantau_agent.probes.netlink import CONTROLLER, Conversation, attributes
from pantau_agent.probes.wifi import WifiLink, wifi_link

if TYPE_CHECKING:
    from pathlib import Path

needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="netlink is Linux'")
pytestmark = needs_linux

WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
 wlan1: 0000   54.  200.  -256        0      0      0      0      0        0
 wlan2: 0000   bad
 wlan4: 0000    0. -256.  -256        0      0      0      0      0        0
 wlan5: 0000    0     0     0        0      0      0      0      0        0
 wlan6: 0000   40.   40.    0        0      0      0      0      0        0
"""


def link_over(station: list[Any] | None, **kernel: Any) -> tuple[WifiLink, list[Any]]:
    """Ask a kernel whose access point is `station` about the loopback's index, which every machine has."""
    fakes = pytest.importorskip("tests.fakes.wifi_kernel", reason="needs pyroute2")
    made = fakes.WifiKernel(station=station, **kernel)
    with fakes.answering(made) as sock:
        found = wifi_link("lo", Conversation(sock))
    return found, made.asked


def station(signal: int | None = -61, **rate: int) -> list[Any]:
    """What a driver tells of an access point, with neighbours that are not asked for."""
    told: list[Any] = [["NL80211_STA_INFO_INACTIVE_TIME", 40], ["NL80211_STA_INFO_RX_BYTES", 12_345]]
    if signal is not None:
        told.append(["NL80211_STA_INFO_SIGNAL", signal])
    if rate:
        named = [[f"NL80211_RATE_INFO_{name}", value] for name, value in rate.items()]
        told.append(["NL80211_STA_INFO_TX_BITRATE", {"attrs": [["NL80211_RATE_INFO_MCS", 7], *named]}])
    told.append(["NL80211_STA_INFO_RX_BITRATE", {"attrs": [["NL80211_RATE_INFO_BITRATE", 10]]}])
    return told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (station(-61, BITRATE=1444, BITRATE32=1444), WifiLink(-61.0, 144_400_000.0)),
        (station(-45, BITRATE=0, BITRATE32=96_078), WifiLink(-45.0, 9_607_800_000.0)),
        (station(-88, BITRATE=10), WifiLink(-88.0, 1_000_000.0)),
        (station(-61), WifiLink(-61.0, None)),
        (station(None, BITRATE=540), WifiLink(None, 54_000_000.0)),
        (station(55, BITRATE=540), WifiLink(None, 54_000_000.0)),
        ([], WifiLink()),
    ],
    ids=["n", "wifi7", "weak", "no-rate", "no-signal", "percent", "nothing"],
)
def test_signal_and_rate_are_those_of_the_access_point(told: list[Any], expected: WifiLink) -> None:
    found, asked = link_over(told)
    index = socket.if_nametoindex("lo")
    assert asked == [(5, index), (17, index)]
    assert found == expected


def test_without_an_access_point_there_is_nothing_to_tell() -> None:
    assert link_over(None)[0] == WifiLink()


def test_an_interface_that_is_an_access_point_itself_has_no_link() -> None:
    found, asked = link_over(station(-61, BITRATE=10), interface_type=3)
    assert found == WifiLink()
    assert len(asked) == 1


def test_a_kernel_without_wifi_has_no_link() -> None:
    assert link_over(station(), has_nl80211=False)[0] == WifiLink()


def test_the_real_kernel_answers_about_itself() -> None:
    """The family that names the others has the same number everywhere, and knows itself."""
    with Conversation() as kernel:
        assert kernel.family("nlctrl") == CONTROLLER
        assert b"nlctrl\0" in [found[2] for found in kernel.ask(CONTROLLER, 3, {}, dump=True)]


def test_the_real_kernel_tells_what_it_does_not_know() -> None:
    with Conversation() as kernel, pytest.raises(FileNotFoundError):
        kernel.family("no-such-family")


def test_no_root_is_needed() -> None:
    code = (
        "import os; from pantau_agent.probes.netlink import Conversation\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "with Conversation() as kernel: print(os.geteuid(), kernel.family('nlctrl'))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    user, family = map(int, ran.stdout.split())
    assert user != 0
    assert family == CONTROLLER


@pytest.mark.parametrize("interface", ["lo", "no-such-0"])
def test_what_is_no_wifi_has_no_link(interface: str) -> None:
    assert wifi_link(interface) == WifiLink()


def test_where_there_is_no_netlink_there_is_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert wifi_link("lo") == WifiLink()


@given(st.binary(max_size=80))
def test_damaged_attributes_are_refused_or_read(content: bytes) -> None:
    """Whatever comes, it ends, and only with a ValueError."""
    try:
        found = attributes(content)
        link = wifi.link_of(found)
    except ValueError:
        return
    assert isinstance(link, WifiLink)


@given(st.binary(max_size=80))
def test_damaged_messages_are_no_link(content: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        theirs.send(struct.pack("=IHHII", 16 + len(content), CONTROLLER, 0, 1, 0) + content)
        theirs.shutdown(socket.SHUT_WR)
        assert wifi_link("lo", Conversation(ours)) == WifiLink()


def test_a_kernel_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "_TIMEOUT_S", 0.05)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        assert wifi_link("lo", Conversation(ours)) == WifiLink()


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        ("wlan0", -56.0), ("wlan1", -56.0), ("wlan2", None), ("wlan3", None), ("wlan4", None),
        ("wlan5", None), ("wlan6", None),
    ],
)  # fmt: skip
def test_an_old_driver_s_signal_is_in_a_file(tmp_path: Path, interface: str, expected: float | None) -> None:
    """Also as an octet that wrapped around; not what a driver without a signal shows, nor a percentage."""
    (tmp_path / "wireless").write_text(WIRELESS)
    assert wifi.signal_dbm(interface, tmp_path / "wireless") == expected
