"""What lines are like: fibre, 4G and satellite, and where in Indonesia which of them stands. A table.

The figures are of the order that is published for such lines in Indonesia; they are no measurement.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Technology:
    """A kind of line. Delays are round trips; `*_spread` are of a normal logarithm."""

    name: str
    profile: str
    provider: str
    download_bps: float
    upload_bps: float
    rtd_ms: float
    rtd_spread: float
    variation_ms: float
    loss_ratio: float
    queue_ms: float
    """How much a full line adds to the delay."""
    outages_per_day: float
    outage_minutes: float


FIBRE = Technology(
    "fibre", "default", "Serat Nusantara", 50e6, 20e6, 14.0, 0.35, 2.0, 0.0008, 45.0, 0.10, 8.0
)
MOBILE = Technology("4g", "seluler", "Seluler Merdeka", 20e6, 8e6, 42.0, 0.25, 11.0, 0.003, 90.0, 0.16, 9.0)
SATELLITE = Technology(
    "satellite", "satelit", "Satelit Garuda", 10e6, 3e6, 590.0, 0.03, 16.0, 0.004, 60.0, 0.22, 14.0
)
OFFICE = Technology(
    "fibre", "kantor", "Serat Nusantara", 50e6, 20e6, 14.0, 0.35, 2.0, 0.0008, 45.0, 0.10, 8.0
)
TECHNOLOGIES = (FIBRE, MOBILE, SATELLITE, OFFICE)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the country: shares of fibre and 4G, the rest is satellite; power; way to the server."""

    fibre_share: float
    mobile_share: float
    power_cuts_per_day: float
    power_cut_minutes: float
    distance_ms: float


_JAVA = Region(0.76, 0.21, 0.035, 40.0, 6.0)
_WEST = Region(0.55, 0.35, 0.10, 60.0, 22.0)
_EAST = Region(0.35, 0.40, 0.18, 80.0, 45.0)
_PAPUA = Region(0.12, 0.36, 0.45, 140.0, 75.0)
_REGIONS = {
    _JAVA: "31 32 33 34 35 36 51",
    _WEST: "11 12 13 14 15 16 17 18 19 21 61 62 63 64",
    _EAST: "52 53 65 71 72 73 74 75 76 81 82",
    _PAPUA: "91 92 93 94 95 96",
}
REGIONS = {code: region for region, codes in _REGIONS.items() for code in codes.split()}


def region_of(village: str) -> Region:
    """Return the part of the country that a village's code lies in."""
    return REGIONS.get(village[:2], _WEST)
