"""A week of four villages in two regencies, as rows of every kind and series: pure, and the same each time.

Values follow from names, tags and time alone, so that a test can compute what a query must answer.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pantau_collector.storage.series import ALERTS, SERIES, STATES
from pantau_dashboards.influxql import Source, source
from pantau_wire.fields import KINDS
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pantau_wire.schema import Column

Value = float | int | bool | str

END_S = int(datetime(2026, 11, 15, 5, 0, tzinfo=UTC).timestamp())
HOUR_S, DAY_S = 3600, 86_400
FINE_S = 300
FINE_SPAN_S = DAY_S
"""A day in steps of five minutes, the days before it in steps of an hour."""

NAMES = {
    "33": "Jawa Tengah",
    "33.10": "Kabupaten Klaten",
    "33.10.25": "Klaten Tengah",
    "33.10.25.2007": "Jomboran",
    "33.10.25.2008": "Tonggalan, Ds. = 1",
    "33.10.01": "Prambanan",
    "33.10.01.2001": "Ma'ruf \\ Kokosan",
    "73": "Sulawesi Selatan",
    "73.71": "Kota Makassar",
    "73.71.09": "Biringkanaya",
    "73.71.09.1001": "Paccerakkang",
}
VILLAGES = tuple(code for code in NAMES if len(code) == 13)
REGENCIES = ("33.10", "73.71")
DEVICES = {
    "klaten-jomboran-1": "33.10.25.2007",
    "klaten-jomboran-2": "33.10.25.2007",
    "klaten-tonggalan-1": "33.10.25.2008",
    "klaten-kokosan-1": "33.10.01.2001",
    "makassar-paccerakkang-1": "73.71.09.1001",
}
NEVER_SEEN = "klaten-kokosan-2"
REGISTERED = DEVICES | {NEVER_SEEN: "33.10.01.2001"}

GAP = range(END_S - 10 * HOUR_S, END_S - 9 * HOUR_S)
"""When the village of `GAP_VILLAGE` has no rows."""
GAP_VILLAGE = "33.10.25.2007"
UNPROBED_VILLAGE = "33.10.25.2008"
"""Sends no probes in the newest day: its loss is unknown, not 0."""
SILENT_MINUTES = {"33.10.25.2007": 0.0, "33.10.25.2008": 16.0, "33.10.01.2001": 240.0, "73.71.09.1001": 30.0}
ACTIVE = {("33.10.01.2001", "village_silent"), ("33.10.25.2008", "delay")}
REBOOTS = 2
BOOT_S = 16 * HOUR_S
VERDICTS = {
    "33.10.25.2007": "pass",
    "33.10.25.2008": "fail",
    "33.10.01.2001": "insufficient_data",
    "73.71.09.1001": "inconclusive",
}
UTC_OFFSETS_H = {"33": 7, "73": 8}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of any measurement."""

    name: str
    tags: Mapping[str, str]
    time_s: int
    values: Mapping[str, Value]


def rows() -> Iterator[Row]:
    """Yield every row of the week."""
    for name in (*KINDS, *SERIES):
        for tags in _tag_sets(name):
            for time_s in _times(name, tags):
                yield Row(name, tags, time_s, _values(source(name), tags, time_s))


def area_tags(village: str) -> dict[str, str]:
    """Return the tags of a village's place."""
    return {"village": village, "district": village[:8], "regency": village[:5], "province": village[:2]}


def label(code: str) -> str:
    """Return an area's label, as the registry series has it."""
    return f"{NAMES[code]}|{code}"


def _tag_sets(name: str) -> Iterator[dict[str, str]]:
    tags = source(name).tags
    if name == "registry":
        for device, village in REGISTERED.items():
            area = area_tags(village)
            yield {
                "device": device,
                **area,
                **{f"{level}_label": label(code) for level, code in area.items()},
            }
    elif "device" in tags:
        yield from _of_devices(name, tags)
    elif "village" in tags:
        yield from _of_villages(tags)
    elif "regency" in tags:
        yield from ({"regency": code, "province": code[:2]} for code in REGENCIES)
    else:
        yield dict.fromkeys(tags, "collector-1")


def _of_devices(name: str, tags: tuple[str, ...]) -> Iterator[dict[str, str]]:
    for device, village in (REGISTERED if name == "device_silence" else DEVICES).items():
        known = {"device": device, **(area_tags(village) if "village" in tags else {})}
        keys = {tag: _KEYS[tag] for tag in tags if tag not in known}
        if "target" in keys:
            yield from (
                {**known, **keys, "target": target} for target in ("gateway", "testpoint", "internet")
            )
        else:
            yield known | keys


def _of_villages(tags: tuple[str, ...]) -> Iterator[dict[str, str]]:
    for village in VILLAGES:
        extra = next((tag for tag in tags if tag in _CHOICES), "")
        for choice in _CHOICES.get(extra, ("",)):
            yield area_tags(village) | ({extra: choice} if extra else {})


_KEYS = {
    "source": "host",
    "interface": "eth0",
    "target": "testpoint",
    "method": "stamp",
    "engine": "http",
    "resolver": "system",
    "name": "layanan.example.id",
    "page": "https://layanan.example.id/",
}
_CHOICES = {"alert": ALERTS, "direction": ("rx", "tx"), "provider": ("PT Serat Optik",)}


def _times(name: str, tags: Mapping[str, str]) -> Iterator[int]:
    begin = END_S - 7 * DAY_S
    if name == "sla_month":
        offset_s = UTC_OFFSETS_H[tags["province"]] * HOUR_S
        for month in (9, 10, 11):
            yield int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) - offset_s
    elif name == "speed":
        yield from range(begin + 1234, END_S, 4 * HOUR_S)
    elif name in _HOURLY:
        yield from range(begin, END_S, HOUR_S)
    elif name.endswith("_1d"):
        yield from range(begin - (begin - 17 * HOUR_S) % DAY_S, END_S, DAY_S)
    else:
        fine = END_S - FINE_SPAN_S
        yield from (time_s for time_s in range(begin, fine, HOUR_S) if not _in_gap(name, tags, time_s))
        yield from (time_s for time_s in range(fine, END_S, FINE_S) if not _in_gap(name, tags, time_s))


_HOURLY = {"registry", *(name for name in SERIES if name.endswith("_1h"))} | {
    f"{kind}_5m"
    for kind in KINDS  # which no dashboard reads
}


def _in_gap(name: str, tags: Mapping[str, str], time_s: int) -> bool:
    return name == "village_5m" and tags["village"] == GAP_VILLAGE and time_s in GAP


def _values(origin: Source, tags: Mapping[str, str], time_s: int) -> dict[str, Value]:
    seed = zlib.crc32(f"{origin.name} {sorted(tags.items())} {time_s}".encode())
    found = {name: _value(column, zlib.crc32(name.encode(), seed)) for name, column in origin.columns.items()}
    found |= _special(origin.name, tags, time_s)
    return {name: value for name, value in found.items() if name in origin.columns and value is not None}


def _value(column: Column, chance: int) -> Value | None:
    match column.type:
        case "bool":
            return chance % 20 > 0
        case "int":
            return chance % 7
        case "text":
            return None if column.name.startswith("failure") else f"w{chance % 3}"
        case "series":
            return "[1000.0]"
    return _SCALES.get(column.unit, 1.0) * (chance % 10_000) / 10_000


_SCALES = {Unit.MILLISECONDS: 120.0, Unit.BITS_PER_SECOND: 3e7, Unit.RATIO: 0.05, Unit.SECONDS: 90.0}


def _special(series: str, tags: Mapping[str, str], time_s: int) -> dict[str, Value | None]:
    """Return what has to fit together, or is a word of a list."""
    state = STATES[(time_s // FINE_S + len(str(tags))) % 3]
    sent = 0 if tags.get("village") == UNPROBED_VILLAGE and time_s >= END_S - DAY_S else 5
    active = (tags.get("village"), tags.get("alert")) in ACTIVE
    verdict = VERDICTS.get(tags.get("village", ""), "")
    failed = series == "speed" and time_s // (4 * HOUR_S) % 6 == 0
    found: dict[str, Value | None] = {
        "sent_count": sent,
        "received_count": min(sent, 4 + time_s // FINE_S % 2),
        "contracted_download_bps": 2e7,
        "contracted_upload_bps": 1e7,
        "active": int(active and time_s > END_S - HOUR_S),
        "since_s": float(END_S - HOUR_S),
        "boot_id": f"boot-{(END_S - time_s) // BOOT_S}",
        "limited_by": "none",
        "agent_version": "0.1.0",
        "failure": "timeout" if failed else None,
        "since_ns": (time_s - HOUR_S) * 10**9,
        "until_ns": time_s * 10**9,
        "rules_version": "1",
        "download_reached_count": 50,
        "download_test_count": 60,
    }
    if "state_index" in source(series).columns:
        found |= {"state": state, "state_index": STATES.index(state)}
    if series in ("village_silence", "device_silence"):
        found["silent_minutes"] = SILENT_MINUTES[tags["village"]]
    if series == "sla_month":
        found |= dict.fromkeys((name for name in source(series).columns if name.endswith("verdict")), verdict)
    if failed:
        found |= dict.fromkeys(("download_goodput_bps", "upload_goodput_bps"))
    return found
