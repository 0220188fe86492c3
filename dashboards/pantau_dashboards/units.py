"""One mapping from the units of fields to Grafana's."""

from __future__ import annotations

from pantau_wire.vocabulary import Unit

# Grafana's ids: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
GRAFANA_UNITS: dict[Unit, str] = {
    Unit.MILLISECONDS: "ms",
    Unit.SECONDS: "s",
    Unit.NANOSECONDS: "ns",
    Unit.BITS_PER_SECOND: "bps",
    Unit.BYTES: "decbytes",
    Unit.RATIO: "percentunit",
    Unit.COUNT: "short",
    Unit.DECIBEL_MILLIWATT: "dBm",
    Unit.CELSIUS: "celsius",
    Unit.ROUND_TRIPS_PER_MINUTE: "suffix: RPM",
    Unit.NONE: "none",
}
MINUTES = "m"
TIMES = "suffix:\N{MULTIPLICATION SIGN}"
INSTANT = "dateTimeAsIso"
FROM_NOW = "dateTimeFromNow"
MONTH = "time:YYYY-MM"
_MINUTE_SUFFIXES = ("_minutes", "_minute_count")


def grafana_unit(column: str) -> str:
    """Return Grafana's unit for a field, by the suffix of its name; counts of minutes are minutes."""
    if column.endswith(_MINUTE_SUFFIXES):
        return MINUTES
    return GRAFANA_UNITS[Unit.of(column)]
