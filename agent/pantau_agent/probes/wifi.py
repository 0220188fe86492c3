"""The Wi-Fi link as the driver sees it: signal and rate, by nl80211 (linux/nl80211.h), without root.

Of an interface that is joined to an access point; one that is an access point itself has many links and
therefore no figure here. The rate is that of the last data frame sent: the receive rate would often be the
one of a beacon, which says nothing.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from pantau_agent.probes.files import rows_of
from pantau_agent.probes.netlink import Attributes, Conversation, attributes, number

if TYPE_CHECKING:
    from pathlib import Path

_FAMILY = "nl80211"
_GET_INTERFACE, _GET_STATION = 5, 17
_INTERFACE_INDEX, _INTERFACE_TYPE, _STATION_INFO = 3, 5, 21
_JOINED = 2  # NL80211_IFTYPE_STATION
_SIGNAL, _SENT_RATE = 7, 8
_RATE_16, _RATE_32 = 1, 5
_RATE_UNIT_BPS = 100_000
_LOWEST_DBM, _HIGHEST_DBM = -120, -1
_DBM_WRAP = 256


class WifiLink(NamedTuple):
    """Signal of the access point in dBm, and rate of the last frame sent to it; None where unknown."""

    signal_dbm: float | None = None
    rate_bps: float | None = None


def wifi_link(interface: str, conversation: Conversation | None = None) -> WifiLink:
    """Return what nl80211 says of `interface`: nothing if it is no Wi-Fi, or joined to no access point."""
    try:
        index = struct.pack("=I", socket.if_nametoindex(interface))
        with conversation or Conversation() as kernel:
            return _ask(kernel, index)
    except (OSError, ValueError):
        return WifiLink()


def _ask(kernel: Conversation, index: bytes) -> WifiLink:
    family = kernel.family(_FAMILY)
    wanted = {_INTERFACE_INDEX: index}
    described = kernel.ask(family, _GET_INTERFACE, wanted)[0]
    if number(described.get(_INTERFACE_TYPE, b""), "I") != _JOINED:
        return WifiLink()
    stations = kernel.ask(family, _GET_STATION, wanted, dump=True)
    return link_of(attributes(stations[0].get(_STATION_INFO, b""))) if stations else WifiLink()


def link_of(station: Attributes) -> WifiLink:
    """Return signal and rate out of a station's attributes; raises ValueError for what cannot be read."""
    signal = number(station[_SIGNAL], "b") if _SIGNAL in station else 0
    return WifiLink(_plausible(signal), _rate_bps(attributes(station.get(_SENT_RATE, b""))))


def _rate_bps(rate: Attributes) -> float | None:
    """Return the rate: in 32 bits, else in the 16 bits of older kernels (0 if it does not fit there)."""
    units = number(rate[_RATE_32], "I") if _RATE_32 in rate else number(rate.get(_RATE_16, bytes(2)), "H")
    return float(units * _RATE_UNIT_BPS) if units > 0 else None


def signal_dbm(interface: str, wireless: Path) -> float | None:
    """Return the received signal strength from a file like /proc/net/wireless, or None if there is none.

    For drivers that nl80211 does not know. An interface without an access point shows -256 there, or 0.
    """
    for columns in rows_of(wireless, skip_lines=2):
        if columns and columns[0] == f"{interface}:":
            try:
                level = float(columns[3])
            except (IndexError, ValueError):
                return None
            return _plausible(level - _DBM_WRAP if level > 0 else level)
    return None


def _plausible(dbm: float) -> float | None:
    return float(dbm) if _LOWEST_DBM <= dbm <= _HIGHEST_DBM else None
