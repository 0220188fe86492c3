"""`pantau-collector registry villages`: the villages of an area as CSV, for other programs to read."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.i18n import marked as _
from pantau_collector.registry import areas
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pantau_collector.registry.areas import Area

COLUMNS = ("village", "name", "district", "regency", "province", "utc_offset_s")
NO_AREA = _("no area is called {area}: give a code such as 33.10, or find it with 'registry search'")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "--area", default="", metavar="CODE|NAME", help="such as 33.10 or klaten (default: the nation)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the table to standard output; return 0, or 1 where there is no such area."""
    area = _area(arguments.area) if arguments.area else None
    if arguments.area and area is None:
        text = i18n.Message(NO_AREA, {"area": arguments.area}).to(arguments.language)
        sys.stderr.write(f"{text}\n")
        return 1
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(area.code if area else ""))
    return 0


def _area(text: str) -> Area | None:
    """Return the area with this code, or whose name is most like the text."""
    return areas.find(text) or next(iter(areas.search(text, limit=1)), None)


def _rows(within: str) -> Iterator[tuple[str | int, ...]]:
    names: dict[str, str] = {}
    for village in areas.villages(within):
        around = area_tags(village.code)[1:]
        for code in around:
            if code not in names:
                found = areas.find(code)
                names[code] = found.name if found else code
        parents = [names[code] for code in around]
        offset = zone_of(village.code).tzinfo.utcoffset(None)
        yield village.code, village.name, *parents, int(offset.total_seconds())
