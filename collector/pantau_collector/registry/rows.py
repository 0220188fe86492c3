"""One row of the registry's CSV: every column's rule, in a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pantau_collector.i18n import Message
from pantau_collector.registry import areas, problems
from pantau_collector.registry.instants import format_instant, parse_instant
from pantau_collector.registry.model import DEFAULT_PROFILE, STATES, TECHNOLOGIES, Placement
from pantau_wire.errors import InvalidTopicError
from pantau_wire.topics import check_device_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

YES_NO = {"yes": True, "ya": True, "no": False, "tidak": False, "": False}
_MAX_TEXT = 200
_SOUTH_NORTH = (-11.5, 6.5)  # Indonesia's, so that exchanged numbers are noticed
_WEST_EAST = (94.5, 141.5)
_NETWORK = re.compile(r"[0-9a-f]{16,64}")
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RowError(Exception):
    """One column of a row breaks its rule."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.message = Message(text, values)


def row_of(placement: Placement) -> dict[str, str]:
    """Return the row that describes a placement, as `parse_row` reads it."""
    return {
        "device": placement.device,
        "village": placement.village,
        "since": format_instant(placement.since_ns, placement.village),
        "provider": placement.provider,
        "technology": placement.technology or "",
        "profile": placement.profile,
        "traffic_source": "yes" if placement.traffic_source else "no",
        "state": placement.state,
        "latitude": "" if placement.latitude is None else repr(placement.latitude),
        "longitude": "" if placement.longitude is None else repr(placement.longitude),
        "network": " ".join(sorted(placement.networks)),
    }


def parse_row(row: Mapping[str, str], line: int) -> tuple[Placement | None, list[Message]]:
    """Return the placement that a row describes, or None and everything that is wrong with it."""
    values: dict[str, Any] = {}
    wrong = []
    for column, (name, parse) in COLUMNS.items():
        try:
            values[name] = parse(row.get(column, "").strip())
        except RowError as error:
            wrong.append(error.message)
    if not wrong and (values["latitude"] is None) != (values["longitude"] is None):
        wrong.append(Message(problems.HALF_A_POINT))
    return (None if wrong else Placement(line=line, **values)), wrong


def _device(value: str) -> str:
    try:
        return check_device_id(value)
    except InvalidTopicError:
        raise RowError(problems.BAD_DEVICE, value=value) from None


def _village(value: str) -> str:
    area = areas.find(value)
    if area is None:
        near = areas.suggest(value)
        if near is None:
            raise RowError(problems.NO_VILLAGE, value=value)
        raise RowError(problems.NO_VILLAGE_NEAR, value=value, near=near.code, name=_full_name(near))
    if area.level != "village":
        near = _first_village(area)
        raise RowError(
            problems.NOT_A_VILLAGE, value=value, name=area.name, near=near.code, near_name=near.name
        )
    return value


def _full_name(area: areas.Area) -> str:
    return ", ".join([area.name, *(parent.name for parent in area.parents[:2])])


def _first_village(area: areas.Area) -> areas.Area:
    while area.level != "village":
        area = areas.children(area.code)[0]
    return area


def _since(value: str) -> int:
    try:
        return parse_instant(value)
    except ValueError:
        raise RowError(problems.BAD_SINCE, value=value) from None


def _provider(value: str) -> str:
    if len(value) > _MAX_TEXT or not value.isprintable():
        raise RowError(problems.BAD_TEXT, column="provider")
    return value


def _technology(value: str) -> str | None:
    if value and value.lower() not in TECHNOLOGIES:
        raise RowError(problems.BAD_TECHNOLOGY, value=value, choices=", ".join(TECHNOLOGIES))
    return value.lower() or None


def _profile(value: str) -> str:
    if value and not _PROFILE.fullmatch(value):
        raise RowError(problems.BAD_PROFILE, value=value)
    return value or DEFAULT_PROFILE


def _traffic_source(value: str) -> bool:
    if value.lower() not in YES_NO:
        raise RowError(problems.BAD_YES_NO, value=value, column="traffic_source")
    return YES_NO[value.lower()]


def _networks(value: str) -> frozenset[str]:
    found = value.lower().split()
    for one in found:
        if not _NETWORK.fullmatch(one):
            raise RowError(problems.BAD_NETWORK, value=one)
    return frozenset(found)


def _state(value: str) -> str:
    if value and value.lower() not in STATES:
        raise RowError(problems.BAD_STATE, value=value, choices=", ".join(STATES))
    return value.lower() or "active"


def _degrees(column: str, bounds: tuple[float, float]) -> Callable[[str], float | None]:
    def parse(value: str) -> float | None:
        if not value:
            return None
        try:
            degrees = float(value.replace(",", "."))  # as Excel writes it in Indonesia
        except ValueError:
            degrees = float("nan")
        if not bounds[0] <= degrees <= bounds[1]:
            low, high = bounds
            raise RowError(problems.BAD_DEGREES, value=value, column=column, low=low, high=high)
        return degrees

    return parse


# Column of the CSV: field of `Placement`, and how to read it. The order is that of a new file.
COLUMNS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "device": ("device", _device),
    "village": ("village", _village),
    "since": ("since_ns", _since),
    "provider": ("provider", _provider),
    "technology": ("technology", _technology),
    "profile": ("profile", _profile),
    "traffic_source": ("traffic_source", _traffic_source),
    "state": ("state", _state),
    "latitude": ("latitude", _degrees("latitude", _SOUTH_NORTH)),
    "longitude": ("longitude", _degrees("longitude", _WEST_EAST)),
    "network": ("networks", _networks),
}
REQUIRED = ("device", "village", "since")
