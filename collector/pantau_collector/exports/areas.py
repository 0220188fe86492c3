"""Which area is exported: its code in addresses, its names, and the villages in it, a regency at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.months.model import COUNT_FIELDS, NATION
from pantau_collector.registry import areas
from pantau_collector.registry.codes import REGENCY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.months.model import MonthReader, VillageMonth

NATION_CODE = "id"
"""The nation in addresses and file names, where its own code, an empty text, cannot stand."""
NATION_NAME = "Indonesia"


def inner(code: str) -> str:
    """Return the code as months know it, of one that stood in an address."""
    return NATION if code == NATION_CODE else code


def outer(code: str) -> str:
    """Return the code as it stands in addresses."""
    return code or NATION_CODE


def name(code: str) -> str:
    """Return an area's name, or its code where nobody knows a name."""
    area = areas.find(code) if code else None
    return area.name if area else code or NATION_NAME


def path(code: str) -> list[areas.Area]:
    """Return the areas around a code and its own, the province first; none for the nation."""
    lengths = [length for length in sorted(areas.LEVELS) if length <= len(code)]
    return [areas.find(code[:length]) or areas.Area(code[:length], code[:length]) for length in lengths]


def lines(reader: MonthReader, month: str, code: str) -> Iterator[VillageMonth]:
    """Yield the lines of all villages of an area, by code; one regency's are in memory at a time."""
    for part in parts(reader, month, code):
        yield from reader.villages(month, part)


def parts(reader: MonthReader, month: str, code: str, after: str = "", verdict: str = "") -> Iterator[str]:
    """Yield the regencies of an area of which there is anything, by code; smaller areas are their own part.

    `after` leaves out those that end before this village, `verdict` those without any such verdict.
    """
    if len(code) >= REGENCY_LENGTH:
        yield code
        return
    for child in reader.children(month, code):
        wanted = not verdict or getattr(child.counts, COUNT_FIELDS[verdict])
        if wanted and child.code >= after[: len(child.code)]:
            yield from parts(reader, month, child.code, after, verdict)
