"""SLA profiles: every threshold that a verdict depends on, under a name and a date.

A profile says what one village is owed. `Profiles` holds the dated profiles of one village: what is judged
item by item (a speed test, a minute's delay) is judged by the profile of its day; what is judged over the
month (targets, shares, the outage rules) by the one with which the month begins, so that no target changes
while a month runs. Definitions: docs/sla.md.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_collector.analysis.calendar import Month

Ratio = Annotated[float, Meta(gt=0, le=1)]
WholeMs = Annotated[int, Meta(ge=1, le=5000)]
ClockTime = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Bps = Annotated[float, Meta(gt=0, le=1e12)]

_SATURDAY = 5


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a village is owed, from the local day `since` on. The sums of `speed_*` hold for each direction.

    Delay limits are whole milliseconds, because days are kept as histograms of such (`delays.py`).
    `contracted_*` may be null where nobody knows the contract: speed is then never judged.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    contracted_download_bps: Bps | None
    contracted_upload_bps: Bps | None
    since: date = date(2000, 1, 1)
    availability_target_ratio: Ratio = 0.95
    long_outage_above_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    short_outages_allowed_minutes: Annotated[int, Meta(ge=0, le=44_640)] = 60
    coverage_min_ratio: Ratio = 0.9
    maintenance_notice_s: Annotated[int, Meta(ge=0, le=2_678_400)] = 86_400
    maintenance_max_minutes: Annotated[int, Meta(ge=0, le=44_640)] = 480
    speed_engine: Annotated[str, Meta(min_length=1, max_length=64)] = "http"
    speed_rate_ratio: Ratio = 0.8
    speed_share_ratio: Ratio = 0.8
    speed_tests_min_count: Annotated[int, Meta(ge=1, le=100_000)] = 60
    speed_days_min_count: Annotated[int, Meta(ge=1, le=31)] = 15
    busy_from: ClockTime = "19:00"
    busy_to: ClockTime = "22:00"
    busy_days: Literal["all", "working"] = "all"
    holidays: tuple[date, ...] = ()
    latency_max_ms: WholeMs = 100
    latency_share_ratio: Ratio = 0.95
    variation_max_ms: WholeMs = 50
    variation_share_ratio: Ratio = 0.95
    loss_max_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.01

    def __post_init__(self) -> None:
        if minute_of_day(self.busy_from) >= minute_of_day(self.busy_to):
            raise ValueError("busy_from must lie before busy_to")

    @property
    def day_rules(self) -> str:
        """A fingerprint of what a day's counts depend on: days with another one are counted again."""
        return _day_rules(self)

    @property
    def fingerprint(self) -> str:
        """A fingerprint of all that the profile says."""
        return _fingerprint(self)

    def busy_minutes(self, day: date) -> tuple[int, int]:
        """Return the first minute of the day's busy hours and the one after them; (0, 0) for none."""
        off = self.busy_days == "working" and (day.weekday() >= _SATURDAY or day in self.holidays)
        return (0, 0) if off else (minute_of_day(self.busy_from), minute_of_day(self.busy_to))


@functools.lru_cache(maxsize=4096)
def _day_rules(profile: Profile) -> str:
    rules = (
        profile.contracted_download_bps,
        profile.contracted_upload_bps,
        profile.speed_rate_ratio,
        (profile.busy_from, profile.busy_to, profile.busy_days, sorted(profile.holidays)),
        (profile.latency_max_ms, profile.variation_max_ms),
    )
    return hashlib.sha256(msgspec.json.encode(rules)).hexdigest()[:16]


@functools.lru_cache(maxsize=4096)
def _fingerprint(profile: Profile) -> str:
    return hashlib.sha256(msgspec.json.encode(profile)).hexdigest()[:16]


# What the preset of a name sets otherwise than `default`.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "kantor": {"busy_from": "08:00", "busy_to": "15:00", "busy_days": "working"},
    "satelit": {"latency_max_ms": 700},
}


class Profiles:
    """The dated profiles of a village; at least one."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._dated = sorted(profiles, key=lambda profile: profile.since)
        self._since = [profile.since for profile in self._dated]

    def on(self, day: date) -> Profile:
        """Return the profile in force on a local day: the newest not after it, else the first there is."""
        return self._dated[max(bisect.bisect_right(self._since, day) - 1, 0)]

    def within(self, month: Month) -> list[Profile]:
        """Return the profiles that a month is judged by, in order."""
        last_day = month.first_day + timedelta(days=month.day_count - 1)
        first = self.on(month.first_day)
        return [
            first,
            *(one for one in self._dated if month.first_day < one.since <= last_day and one is not first),
        ]


def from_mapping(given: dict[str, Any]) -> Profile:
    """Return a profile from its keys; those left out take the value of the preset of that name.

    Raises `msgspec.ValidationError` naming the key.
    """
    name = given.get("name")
    preset = PRESETS.get(name, {}) if isinstance(name, str) else {}
    return msgspec.convert({**preset, **given}, Profile)


def minute_of_day(clock_time: str) -> int:
    """Return the minutes since midnight of `HH:MM`."""
    hours, minutes = clock_time.split(":")
    return int(hours) * 60 + int(minutes)
