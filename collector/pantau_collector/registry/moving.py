"""What is written when a device moves, or another one takes its place: rows, as the CSV has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.registry.rows import row_of

if TYPE_CHECKING:
    from pantau_collector.registry.model import Placement

_STAYS_BEHIND = ("provider", "technology", "latitude", "longitude", "network")


def moved(placement: Placement, village: str, since: str) -> list[dict[str, str]]:
    """Return the row of a device that stands elsewhere, on another line: only the profile goes with it."""
    elsewhere = {"village": village, "since": since, "traffic_source": "no", "state": "active"}
    return [row_of(placement) | dict.fromkeys(_STAYS_BEHIND, "") | elsewhere]


def replaced(placement: Placement, successor: str, since: str) -> list[dict[str, str]]:
    """Return the rows by which a device retires and its successor stands where it stood, on the same line."""
    row = row_of(placement) | {"since": since}
    return [row | {"state": "retired"}, row | {"device": successor, "state": "active"}]
