"""Indonesia's three time zones, by province.

Source: Presidential Decree (Keppres) 41 of 1987, in force since 1 January 1988; provinces founded later
keep the time of the one they came from. There is no daylight saving time, so that a fixed offset says all
and no time zone database is needed on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: what people call it, its name in the IANA database, and its offset as a `tzinfo`."""

    name: str
    iana: str
    tzinfo: timezone


WIB = Zone("WIB", "Asia/Jakarta", timezone(timedelta(hours=7), "WIB"))
WITA = Zone("WITA", "Asia/Makassar", timezone(timedelta(hours=8), "WITA"))
WIT = Zone("WIT", "Asia/Jayapura", timezone(timedelta(hours=9), "WIT"))

# Sumatra and Java, West and Central Kalimantan are WIB; Bali, Nusa Tenggara, South, East and North
# Kalimantan and Sulawesi WITA; Maluku and Papua WIT.
_PROVINCES = {
    WIB: "11 12 13 14 15 16 17 18 19 21 31 32 33 34 35 36 61 62",
    WITA: "51 52 53 63 64 65 71 72 73 74 75 76",
    WIT: "81 82 91 92 93 94 95 96",
}
ZONES: dict[str, Zone] = {code: zone for zone, codes in _PROVINCES.items() for code in codes.split()}


def zone_of(code: str) -> Zone:
    """Return the zone of any area's code; WIB, the capital's, where the province is not known."""
    return ZONES.get(code[:2], WIB)
