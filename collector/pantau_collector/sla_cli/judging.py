"""`sla judge`: judges a month by hand, as after an import of history; a running analysis does it itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_collector.errors import SlaInputError
from pantau_collector.i18n import marked as _
from pantau_collector.sla_cli.common import command, opened, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.sla_cli.common import Parsers

BAD_MONTH = _("'{month}' is not a month that has begun: write it as 2026-08")
NOBODY = _("no village of the registry lies in {area}")
JUDGED = _("{month}: {villages} villages judged; rows that changed: {rows}; records written: {records}")


def add_arguments(commands: Parsers) -> None:
    """Add `judge`."""
    about = "judge a month again from the days in the store, and close it if it is due"
    judge = command(commands, "judge", about, _judge)
    judge.add_argument("month", help="such as 2026-08")
    judge.add_argument("--within", default="", metavar="CODE", help="only villages in this area")


def _judge(arguments: argparse.Namespace) -> int:
    from pantau_collector.analysis_loop.closing import Closing  # noqa: PLC0415 - NumPy is slow
    from pantau_collector.analysis_loop.month_rows import MonthRows  # noqa: PLC0415
    from pantau_collector.analysis_loop.places import Places  # noqa: PLC0415
    from pantau_collector.months.instants import closes_at_ns, month_ns  # noqa: PLC0415
    from pantau_collector.months.profile_file import ProfileFile  # noqa: PLC0415
    from pantau_collector.registry.file import RegistryFile  # noqa: PLC0415

    month, now_ns = arguments.month, time.time_ns()
    try:
        begun = month_ns(month, arguments.within) < now_ns
    except ValueError:
        begun = False
    if not begun:
        raise SlaInputError(BAD_MONTH, month=month)
    with opened(arguments) as (config, store):
        book = ProfileFile(config.sla.profiles).get()
        places = Places(RegistryFile(config.registry.path).get(), book)
        rows, closing = MonthRows(store, places.registry, book), Closing(store, places.registry, book)
        changed_count = record_count = village_count = 0
        of_regency = {
            regency: [one for one in places.villages_of(regency) if one.startswith(arguments.within)]
            for regency in places.regencies
        }
        for regency, villages in of_regency.items():
            if not villages:
                continue
            village_count += len(villages)
            if closes_at_ns(month, regency) <= now_ns:
                record_count += closing.close(villages, month, closes_at_ns(month, regency))
                changed_count += rows.regency(regency, month)
            else:
                changed_count += rows.villages(villages, month) + rows.regency(regency, month)
        changed_count += rows.above([regency for regency, some in of_regency.items() if some], month)
    if not village_count:
        raise SlaInputError(NOBODY, area=arguments.within or "the nation")
    tell(arguments, JUDGED, month=month, villages=village_count, rows=changed_count, records=record_count)
    return 0
