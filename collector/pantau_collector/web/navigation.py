"""The portal's parts, as every page's head lists them. A new part adds a line."""

from __future__ import annotations

from typing import NamedTuple

from pantau_collector.i18n import marked as _


class Part(NamedTuple):
    """One entry: where it begins, what it is called, and the beginnings of the paths that belong to it."""

    address: str
    title: str
    paths: tuple[str, ...]


PARTS = (
    Part("/areas/id", _("Monthly verdicts"), ("/areas", "/villages")),
    Part("/devices", _("Devices now"), ("/devices",)),
    Part("/surges", _("Traffic surges"), ("/surges",)),
)


def part_of(path: str) -> Part | None:
    """Return the part that a path belongs to, None for pages that belong to none."""
    return next(
        (part for part in PARTS if any(path == one or path.startswith(f"{one}/") for one in part.paths)), None
    )
