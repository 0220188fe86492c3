"""What the API answers: one definition for bytes and description. Times are ns since 1970, UTC."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pantau_collector.access.model import Token
from pantau_collector.analysis.sla.reported import OutageReport, Report
from pantau_collector.months.model import (
    AreaMonth,
    DayStates,
    Maintenance,
    Objection,
    Revision,
    SpeedTest,
    VillageMonth,
)
from pantau_collector.storage.base import Point
from pantau_collector.web import asked

Level = Literal["nation", "province", "regency", "district", "village"]
Scalar = float | int | bool | str


class AreaName(msgspec.Struct, frozen=True, kw_only=True):
    """An area's Kemendagri code (`id` for the nation) and name."""

    code: str
    name: str


class Area(AreaName, frozen=True, kw_only=True):
    """An area, and those around it, nearest first."""

    level: Level
    parents: list[AreaName]


class Areas(msgspec.Struct, frozen=True, kw_only=True):
    """Areas. `next` is the `after` of the next page, null on the last."""

    areas: list[Area]
    next: str | None


class Months(msgspec.Struct, frozen=True, kw_only=True):
    """The months of which there is anything, newest first, as `YYYY-MM`."""

    months: list[str]


class AreaVerdicts(msgspec.Struct, frozen=True, kw_only=True):
    """An area's month: how many villages got which verdict, and the same of the areas directly inside."""

    area: AreaMonth
    children: list[AreaMonth]


class AreaTrend(msgspec.Struct, frozen=True, kw_only=True):
    """An area's last months, oldest first."""

    code: str
    months: list[AreaMonth]


class VillageTrend(msgspec.Struct, frozen=True, kw_only=True):
    """A village's last months, oldest first."""

    code: str
    months: list[VillageMonth]


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """Villages' verdicts, by code. `next` is the `after` of the next page, null on the last."""

    area: str
    month: str
    verdicts: list[VillageMonth]
    next: str | None


class VillageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a village's verdict rests on; outages, tests and days have addresses of their own."""

    line: VillageMonth
    report: Report
    maintenance: list[Maintenance]
    objections: list[Objection]
    revisions: list[Revision]
    registry_version: str


class Outages(msgspec.Struct, frozen=True, kw_only=True):
    """The outages that touch a village's month, in order; times are local, with their offset."""

    village: str
    month: str
    outages: list[OutageReport]


class Tests(msgspec.Struct, frozen=True, kw_only=True):
    """A village's speed tests of a month, those that do not count with the reason."""

    village: str
    month: str
    tests: list[SpeedTest]


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The states of a village's minutes, a local day at a time: `[state, minutes, under maintenance]`."""

    village: str
    month: str
    days: list[DayStates]


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a device stands since when, and for whom."""

    device: str
    since_ns: int
    provider: str
    technology: str | None
    profile: str
    traffic_source: bool


class Village(Area, frozen=True, kw_only=True):
    """A village and the devices that are expected to measure there now."""

    timezone: str
    devices: list[Placement]


class Villages(msgspec.Struct, frozen=True, kw_only=True):
    """Villages with a device. `next` is the `after` of the next page, null on the last."""

    villages: list[Area]
    next: str | None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What is out of bounds now, since when, and how strong in the alert's own unit."""

    village: str
    alert: str
    since_s: float | None
    value: float | None


class VillageState(msgspec.Struct, frozen=True, kw_only=True):
    """How a village is now. `figures`: of the five minutes from `window_ns` on (series `village_5m`)."""

    code: str
    silent_minutes: float | None
    window_ns: int | None
    figures: dict[str, Scalar]
    alerts: list[Alert]


class RegencyState(msgspec.Struct, frozen=True, kw_only=True):
    """How a regency is now: the figures of five minutes (series `regency_5m`)."""

    code: str
    window_ns: int
    figures: dict[str, Scalar]


class AreaState(msgspec.Struct, frozen=True, kw_only=True):
    """How an area is now: its regencies, and alerts by name with how many villages have each."""

    code: str
    regencies: list[RegencyState]
    alerts: dict[str, int]


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """How a device is now: minutes without a measurement, and its newest points by kind."""

    device: str
    silent_minutes: float | None
    latest: dict[str, Point]


class Surge(msgspec.Struct, frozen=True, kw_only=True):
    """A village's traffic against its baseline in five minutes (series `surge`)."""

    village: str
    direction: str
    time_ns: int
    figures: dict[str, Scalar]


class Surges(msgspec.Struct, frozen=True, kw_only=True):
    """Surge scores, oldest first. `truncated`: there are older ones; ask with `until_ns` at the oldest."""

    surges: list[Surge]
    truncated: bool


class DeviceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A device with its place and how much the store holds of it. `areas` by level; counts by kind."""

    device: str
    status: Literal["silent", "waiting", "unlisted", "reporting", "retired"]
    areas: dict[str, AreaName]
    provider: str | None
    technology: str | None
    profile: str | None
    traffic_source: bool | None
    first_time_ns: int | None
    last_time_ns: int | None
    counts: dict[str, int]


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """Devices, by id. `next` is the `after` of the next page, null on the last."""

    devices: list[DeviceSummary]
    next: str | None


class Spool(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a spool's sequence numbers, as ranges; for `missing` ones nothing accounts."""

    spool: str
    stored: list[tuple[int, int]]
    received: list[tuple[int, int]]
    rejected: list[tuple[int, int]]
    dropped: list[tuple[int, int]]
    missing: list[tuple[int, int]]


class Device(DeviceSummary, frozen=True, kw_only=True):
    """A device with its spools and the newest point of each kind."""

    spools: list[Spool]
    latest: dict[str, Point]


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """Measurements, oldest first. `truncated`: there are older ones; ask with `until_ns` at the oldest."""

    device: str
    kind: str
    truncated: bool
    points: list[Point]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Every token that ever was, without its secret."""

    tokens: list[Token]


Name = Annotated[
    str,
    Meta(
        pattern="^[!-~\u00a1-\u00ac\u00ae-\u024f][ -~\u00a1-\u00ac\u00ae-\u024f]{0,199}$",
        description="Who says so: a name in Latin letters.",
    ),
]


Text = Annotated[str, Meta(pattern="^[!-~\u00a1-\u00ac\u00ae-\u024f][ -~\u00a1-\u00ac\u00ae-\u024f]{0,999}$")]


class NewMaintenance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work that will interrupt the line of a village, or of all villages of an area."""

    area: Annotated[str, Meta(pattern=r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$")]
    from_ns: Annotated[int, Meta(ge=946_684_800_000_000_000, le=4_102_444_800_000_000_000)]
    minutes: Annotated[int, Meta(ge=1, le=31 * 1440)]
    by: Name
    what: Text


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """What was announced, and whether its minutes leave the account.

    `shortfall` says why not, or not all: `late` is not announced early enough, `too_much` beyond the minutes
    that count in a month; empty if all count.
    """

    maintenance: Maintenance
    shortfall: Literal["", "late", "too_much"]


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who withdraws announced maintenance before it begins."""

    by: Name


class MaintenanceList(msgspec.Struct, frozen=True, kw_only=True):
    """Announced maintenance by its beginning. `truncated`: there is more, later."""

    maintenance: list[Maintenance]
    truncated: bool


class NewObjection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody, the provider or the village, holds against a village's month."""

    village: Annotated[str, Meta(pattern=asked.VILLAGE_PATTERN)]
    month: Annotated[str, Meta(pattern=asked.MONTH_PATTERN)]
    by: Name
    text: Annotated[str, Meta(pattern=r"\S", max_length=10_000)]


class NewAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to an objection: given once."""

    by: Name
    text: Annotated[str, Meta(pattern=r"\S", max_length=10_000)]


class Objections(msgspec.Struct, frozen=True, kw_only=True):
    """Objections, the oldest first."""

    objections: list[Objection]
