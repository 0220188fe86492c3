"""`sla maintenance`: announces work on lines, lists and withdraws it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_collector import people
from pantau_collector.errors import MaintenanceError
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.registry.instants import format_instant, parse_instant
from pantau_collector.sla_cli.common import command, opened, print_json, table, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.config import CollectorConfig
    from pantau_collector.months.model import Maintenance
    from pantau_collector.sla_cli.common import Parsers

BAD_INSTANT = _("'{value}' is not an instant: write date, time and offset, such as 2026-12-06T01:00:00+07:00")
ANNOUNCED = _("{number}: announced for {area}, from {begin} to {end}")
COUNTS = _("it counts: these minutes leave the account")
SHORTFALLS = {
    "late": _("IT DOES NOT COUNT: it was not announced {hours} hours ahead; it is kept and shown"),
    "too_much": _("NOT ALL OF IT COUNTS: more than {hours} hours are announced for that month"),
}
WITHDRAWN = _("{number}: withdrawn")
NONE = _("nothing is announced")
COLUMNS = (_("number"), _("area"), _("from"), _("to"), _("announced"), _("by"), _("what"))


def add_arguments(commands: Parsers) -> None:
    """Add `maintenance` with what can be done."""
    about = "announce, list or withdraw maintenance; docs/sla.md says when it counts"
    parser = commands.add_parser("maintenance", help=about, description=about)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    announce = command(
        actions, "announce", "announce work on the line of a village or of all in an area", _announce
    )
    announce.add_argument("area", help="code of a village, district, regency or province")
    announce.add_argument("--from", dest="begin", required=True, metavar="INSTANT")
    announce.add_argument("--to", dest="end", required=True, metavar="INSTANT")
    announce.add_argument("--what", required=True, help="what is done")
    announce.add_argument("--by", default=people.who(), help="who announces it; you by default")
    listing = command(actions, "list", "list what is announced", _list, json=True)
    listing.add_argument("area", nargs="?", help="only what holds for this area")
    withdraw = command(actions, "withdraw", "take back what has not begun", _withdraw)
    withdraw.add_argument("number")
    withdraw.add_argument("--by", default=people.who(), help="who withdraws it; you by default")


def _announce(arguments: argparse.Namespace) -> int:
    from pantau_collector.months import maintenance  # noqa: PLC0415 - NumPy takes its time
    from pantau_collector.months.model import Maintenance  # noqa: PLC0415

    asked = Maintenance(
        area=arguments.area,
        from_ns=_instant(arguments.begin),
        to_ns=_instant(arguments.end),
        announced_ns=time.time_ns(),
        by=arguments.by,
        what=arguments.what,
    )
    with opened(arguments) as (config, store):
        profile = _profile(config, asked)
        found = maintenance.announce(store, asked, profile)
    one = found.maintenance
    begin, end = format_instant(one.from_ns, one.area), format_instant(one.to_ns, one.area)
    tell(arguments, ANNOUNCED, number=one.number, area=one.area, begin=begin, end=end)
    if not found.shortfall:
        tell(arguments, COUNTS)
        return 0
    hours = {"late": profile.maintenance_notice_s / 3600, "too_much": profile.maintenance_max_minutes / 60}
    tell(arguments, SHORTFALLS[found.shortfall], hours=f"{hours[found.shortfall]:g}")
    return 1


def _list(arguments: argparse.Namespace) -> int:
    from pantau_collector.months import maintenance  # noqa: PLC0415

    with opened(arguments) as (_config, store):
        within = maintenance.around(arguments.area) if arguments.area else None
        found = maintenance.standing(store, within)
    if arguments.json:
        print_json(found)
    elif found:
        table([_columns(arguments), *map(_row, found)])
    else:
        tell(arguments, NONE)
    return 0


def _withdraw(arguments: argparse.Namespace) -> int:
    from pantau_collector.months import maintenance  # noqa: PLC0415

    with opened(arguments) as (_config, store):
        maintenance.withdraw(store, arguments.number, by=arguments.by, now_ns=time.time_ns())
    tell(arguments, WITHDRAWN, number=arguments.number)
    return 0


def _profile(config: CollectorConfig, asked: Maintenance) -> Profile:
    """Return whose rules are told: the village's, or the default profile's for an area."""
    from pantau_collector.months.instants import local_day  # noqa: PLC0415
    from pantau_collector.months.profile_file import ProfileFile  # noqa: PLC0415
    from pantau_collector.months.villages import profiles_of  # noqa: PLC0415
    from pantau_collector.registry.file import RegistryFile  # noqa: PLC0415
    from pantau_collector.registry.timezones import zone_of  # noqa: PLC0415

    book = ProfileFile(config.sla.profiles).get()
    day = local_day(asked.from_ns, zone_of(asked.area))
    return profiles_of(RegistryFile(config.registry.path).get(), book, asked.area).on(day)


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError:
        raise MaintenanceError(BAD_INSTANT, value=text) from None


def _columns(arguments: argparse.Namespace) -> list[str]:
    return [translate(column, arguments.language) for column in COLUMNS]


def _row(one: Maintenance) -> tuple[str, ...]:
    times = (format_instant(at_ns, one.area) for at_ns in (one.from_ns, one.to_ns, one.announced_ns))
    return (one.number, one.area, *times, one.by, one.what)
