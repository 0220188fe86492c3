"""What the pages show of measurements: newest values, cards, tables. Names and units come from the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector import formats
from pantau_collector.i18n import marked as _
from pantau_collector.web import words
from pantau_wire.schema import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.storage.base import Point, Store, Value
    from pantau_collector.web.places import Place

SPEED_TESTS, LINK_STATES, DEVICE_STATES, USER_TESTS = 12, 8, 8, 6
_TESTS = ("speed", "dns", "http")
_OUTCOME = ("failure", "failure_detail", "duration_s")


@dataclass(frozen=True, slots=True)
class Figure:
    """The newest value of a field: number and unit, when, and why a newer attempt failed, if one did."""

    kind: str
    field: str
    value: str | None
    unit: str
    time_ns: int | None
    failure: str | None
    failure_detail: str
    raw: Value = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement in a table: what it came to, and its cells in the order of the table's fields."""

    point: Point
    failure: str | None
    failure_detail: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Measurements of one kind, newest first."""

    kind: str
    title: str
    fields: tuple[str, ...]
    rows: list[Row]
    outcome: bool
    """Whether the outcome deserves a column: for tests always, for states when one failed."""


# What the cards and the overview show: field, and where its kind's newest point is looked for.
_TESTPOINT: Mapping[str, Value] = {"target": "testpoint"}
HEADLINES: tuple[tuple[str, str, Mapping[str, Value]], ...] = (
    ("speed", "download_goodput_bps", {}),
    ("speed", "upload_goodput_bps", {}),
    ("latency", "rtd_p50_ms", _TESTPOINT),
    ("latency", "rt_loss_ratio", _TESTPOINT),
    ("traffic", "rx_rate_bps", {}),
    ("traffic", "tx_rate_bps", {}),
)

# The columns of the tables; those that hold nothing in any row are left out.
TABLES: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    (
        "speed",
        _("Recent speed tests"),
        SPEED_TESTS,
        (
            "download_goodput_bps",
            "upload_goodput_bps",
            "idle_rtd_p50_ms",
            "loaded_rtd_down_p95_ms",
            "limited_by",
            "engine",
            "server",
        ),
    ),
    (
        "link",
        _("Recent states of the connection"),
        LINK_STATES,
        (
            "interface",
            "medium",
            "interface_up",
            "gateway_answers",
            "negotiated_bps",
            "wifi_signal_dbm",
            "mains_power",
        ),
    ),
    (
        "device",
        _("Recent states of the device"),
        DEVICE_STATES,
        (
            "cpu_ratio",
            "agent_rss_bytes",
            "temperature_celsius",
            "clock_state",
            "clock_offset_ms",
            "spool_depth_count",
            "dropped_count",
        ),
    ),
    ("dns", _("Recent name lookups"), USER_TESTS, ("name", "resolver", "resolve_ms", "answer_count")),
    ("http", _("Recent page fetches"), USER_TESTS, ("page", "total_ms", "first_byte_ms", "status_code")),
)


def headlines(store: Store, device: str, language: Language, look_back: int = 1) -> dict[str, Figure]:
    """Return the newest figures by field; failed attempts are looked behind, `look_back` points at most."""
    known: dict[tuple[str, bool], list[Point]] = {}
    found = {}
    for kind, name, where in HEADLINES:
        key = (kind, bool(where))
        if key not in known:
            known[key] = store.points(kind, device, where=where, newest=look_back)
        found[name] = _figure(kind, name, known[key], language)
    return found


def tables(store: Store, device: str, language: Language) -> list[Table]:
    """Return the tables that have a row."""
    found = []
    for kind, title, newest, fields in TABLES:
        points = store.points(kind, device, newest=newest)[::-1]
        if points:
            shown = tuple(name for name in fields if any(point.values[name] is not None for point in points))
            rows = [_row(point, shown, language) for point in points]
            outcome = kind in _TESTS or any(row.failure for row in rows)
            found.append(Table(kind, title, shown, rows, outcome))
    return found


def newest_state(store: Store, device: str, kind: str, language: Language) -> list[tuple[str, str, str]]:
    """Return label, meaning and value of every field of the newest point of a kind that has one."""
    point = next(iter(store.points(kind, device, newest=1)), None)
    if point is None:
        return []
    return [
        (
            words.label(kind, column.name, language),
            words.about(kind, column.name, language),
            words.value_text(column, point.values[column.name], language),
        )
        for column in columns(kind)
        if column.name not in _OUTCOME and point.values[column.name] is not None
    ]


def failure_of(point: Point, language: Language) -> tuple[str | None, str]:
    """Return why a measurement failed, in words and in detail; None and "" where it did not."""
    failure = point.values.get("failure")
    if failure is None:
        return None, ""
    return words.of_value("failure", str(failure), language), str(point.values.get("failure_detail") or "")


def is_traffic_source(place: Place) -> bool | None:
    """Return whether the device's traffic is its village's; None where the registry does not say."""
    return place.placement.traffic_source if place.placement else None


def _figure(kind: str, name: str, points: Sequence[Point], language: Language) -> Figure:
    failure, detail = failure_of(points[-1], language) if points else (None, "")
    for point in reversed(points):
        value = point.values[name]
        if isinstance(value, (int, float)):
            text, unit = formats.amount(value, words.column(kind, name).unit, language)
            return Figure(kind, name, text, unit, point.time_ns, failure, detail, value, point.seq)
    time_ns = points[-1].time_ns if points else None
    return Figure(kind, name, None, "", time_ns, failure, detail)


def _row(point: Point, fields: tuple[str, ...], language: Language) -> Row:
    failure, detail = failure_of(point, language)
    cells = [
        words.value_text(words.column(point.kind, name), point.values[name], language) for name in fields
    ]
    return Row(point, failure, detail, cells)
