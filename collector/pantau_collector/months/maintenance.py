"""Announced maintenance: for a village or an area, in a series that only grows, shared by all collectors.

A window counts when it was announced early enough, and up to the profile's minutes a month; who announces one
that does not is told so at once. What was announced can be withdrawn until it begins. Source: docs/sla.md.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from pantau_collector.analysis.maintenance import Window, accepted_minutes
from pantau_collector.errors import MaintenanceError
from pantau_collector.i18n import marked as _
from pantau_collector.months.instants import DAY_NS, local_day, month_in, span_ns
from pantau_collector.months.model import Maintenance
from pantau_collector.registry import areas
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import zone_of
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.storage.base import Store

SERIES = "sla_maintenance"
ANNOUNCED, WITHDRAWN = "announced", "withdrawn"
Shortfall = Literal["", "late", "too_much"]
MAX_DAYS = 31
_SECOND_NS = 10**9
_MAX_TEXT = 1000

NO_AREA = _("there is no area '{area}': give the code of a village, district, regency or province")
BACKWARDS = _("the work must end after it begins, and last {days} days at most")
NO_TEXT = _("say who announces it and what is done, in up to {most} characters each, without line breaks")
UNKNOWN = _("there is no announced maintenance {number}: 'pantau-collector sla maintenance list' shows all")
BEGUN = _("maintenance {number} has begun: what was announced stands then")


class Announcement(NamedTuple):
    """What was announced, and why it does not count (wholly), empty if it does.

    `late`: not announced early enough. `too_much`: beyond the minutes that count in a month.
    """

    maintenance: Maintenance
    shortfall: Shortfall


def announce(store: Store, asked: Maintenance, profile: Profile) -> Announcement:
    """Keep an announcement whose `announced_ns` is now, under a number of its own, counting or not.

    `profile`: whose rules are told. Raises `MaintenanceError` for what makes no sense, and
    `StoreUnavailableError`.
    """
    _check(asked)
    number = f"M{secrets.token_hex(5)}"
    values: dict[str, float | int | bool | str] = {
        "by": asked.by,
        "what": asked.what,
        "from_ns": asked.from_ns,
        "to_ns": asked.to_ns,
    }
    store.write_series([SeriesRow(SERIES, (asked.area, number, ANNOUNCED), asked.announced_ns, values)])
    found = msgspec.structs.replace(asked, number=number)
    known = [one for one in standing(store) if one.number != number]
    return Announcement(found, shortfall(known, found, profile))


def withdraw(store: Store, number: str, *, by: str, now_ns: int) -> Maintenance:
    """Withdraw what has not begun; return it. Raises `MaintenanceError`, `StoreUnavailableError`."""
    found = next((one for one in standing(store) if one.number == number), None)
    if found is None:
        raise MaintenanceError(UNKNOWN, number=number)
    if found.from_ns <= now_ns:
        raise MaintenanceError(BEGUN, number=number)
    store.write_series([SeriesRow(SERIES, (found.area, number, WITHDRAWN), now_ns, {"by": by})])
    return found


def standing(store: Store, within: Iterable[str] | None = None) -> list[Maintenance]:
    """Return what was announced and not withdrawn, by its beginning; of those areas, or of all."""
    where = None if within is None else {"area": list(within)}
    rows = store.series(SERIES, where=where)
    gone = {row.tags[1] for row in rows if row.tags[2] == WITHDRAWN}
    found = [_from_series(row) for row in rows if row.tags[2] == ANNOUNCED and row.tags[1] not in gone]
    return sorted(found, key=lambda one: (one.from_ns, one.number))


def of_village(known: Iterable[Maintenance], village: str) -> list[Maintenance]:
    """Return those that hold for a village: its own and those of the areas that it lies in."""
    areas_of = set(area_tags(village))
    return [one for one in known if one.area in areas_of]


def of_month(known: Iterable[Maintenance], month: Month) -> list[Maintenance]:
    """Return those that touch a month."""
    first_ns, until_ns = span_ns(month)
    return [one for one in known if one.from_ns < until_ns and one.to_ns > first_ns]


def accepted(known: Iterable[Maintenance], village: str, month: Month, profile: Profile) -> NDArray[np.bool_]:
    """Return which minutes of a village's month leave the account."""
    mine = [_window(one) for one in of_village(known, village)]
    return accepted_minutes(month, mine, profile) if mine else np.zeros(month.minute_count, dtype=bool)


def shortfall(known: Sequence[Maintenance], one: Maintenance, profile: Profile) -> Shortfall:
    """Return why a window does not count, or not wholly, beside those that are known."""
    if one.from_ns - one.announced_ns < profile.maintenance_notice_s * _SECOND_NS:
        return "late"
    month = month_in(str(local_day(one.from_ns, zone_of(one.area)))[:7], one.area)
    beyond = msgspec.structs.replace(profile, maintenance_max_minutes=month.minute_count)
    wanted = accepted_minutes(month, [_window(one)], beyond)
    # In an area it may be too much for a place that has windows of its own.
    places = {one.area, *(other.area for other in known if other.area.startswith(f"{one.area}."))}
    for place in places:
        there = [_window(other) for other in known if other.area in around(place)]
        if np.any(wanted & ~accepted_minutes(month, [*there, _window(one)], profile)):
            return "too_much"
    return ""


def around(area: str) -> list[str]:
    """Return the codes of an area and of those that it lies in: what is announced for them holds for it."""
    return sorted({code for code in area_tags(area) if len(code) <= len(area)})


def _window(one: Maintenance) -> Window:
    return Window(one.from_ns / _SECOND_NS, one.to_ns / _SECOND_NS, one.announced_ns / _SECOND_NS)


def _from_series(row: SeriesRow) -> Maintenance:
    return Maintenance(
        area=row.tags[0],
        number=row.tags[1],
        from_ns=int(row.values["from_ns"]),
        to_ns=int(row.values["to_ns"]),
        announced_ns=row.time_ns,
        by=str(row.values["by"]),
        what=str(row.values["what"]),
    )


def _check(asked: Maintenance) -> None:
    if areas.find(asked.area) is None:
        raise MaintenanceError(NO_AREA, area=asked.area)
    if not 0 < asked.to_ns - asked.from_ns <= MAX_DAYS * DAY_NS:
        raise MaintenanceError(BACKWARDS, days=MAX_DAYS)
    for text in (asked.by, asked.what):
        if not text.strip() or len(text) > _MAX_TEXT or not text.isprintable():
            raise MaintenanceError(NO_TEXT, most=_MAX_TEXT)
