"""A device with where it stands and how it does: what pages and API say of it before any measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pantau_collector.formats import SECOND_NS
from pantau_collector.i18n import marked as _
from pantau_collector.registry import areas
from pantau_collector.registry.timezones import WIB, Zone, zone_of

if TYPE_CHECKING:
    from pantau_collector.registry.model import Placement, Registry
    from pantau_collector.storage.base import DeviceActivity
    from pantau_collector.web.portal import Portal

Status = Literal["silent", "waiting", "unlisted", "reporting", "retired"]
SILENT_AFTER_S = 180  # three of the agent's minutes

# In the order in which the overview lists them: what needs somebody first.
STATUSES: dict[Status, str] = {
    "silent": _("Silent"),
    "waiting": _("Waiting"),
    "unlisted": _("Not in the registry"),
    "reporting": _("Reporting"),
    "retired": _("Retired"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One device: its placement, the names of its village and what lies around it, and its activity."""

    device: str
    status: Status
    placement: Placement | None
    names: tuple[areas.Area, ...]
    """Village, district, regency, province; empty where the device is not in the registry."""
    activity: DeviceActivity | None

    @property
    def zone(self) -> Zone:
        """The time zone of the village."""
        return zone_of(self.placement.village) if self.placement else WIB

    @property
    def point_count(self) -> int:
        """How many measurements the store holds."""
        return sum(self.activity.counts.values()) if self.activity else 0


def all_places(portal: Portal) -> list[Place]:
    """Return every device of the registry and of the store: what needs somebody first, then by village."""
    registry, activity, now = portal.registry.get(), portal.activity(), portal.clock_ns()
    devices = {*registry.devices, *activity}
    found = [_place(device, registry, activity.get(device), now) for device in devices]
    order = list(STATUSES)
    found.sort(
        key=lambda one: (order.index(one.status), [area.name for area in reversed(one.names)], one.device)
    )
    return found


def place_of(portal: Portal, device: str) -> Place | None:
    """Return one device, or None where neither registry nor store knows it."""
    registry, activity = portal.registry.get(), portal.activity_of(device)
    if device not in registry and activity is None:
        return None
    return _place(device, registry, activity, portal.clock_ns())


def _place(device: str, registry: Registry, activity: DeviceActivity | None, now: int) -> Place:
    placement = registry.at(device, now) or next(iter(registry.history(device)), None)
    village = areas.village(placement.village) if placement else None
    names = (village, *village.parents) if village else ()
    return Place(device, _status(placement, activity, now), placement, names, activity)


def _status(placement: Placement | None, activity: DeviceActivity | None, now: int) -> Status:
    if placement is None:
        return "unlisted"
    if not placement.active:
        return "retired"
    if activity is None:
        return "waiting"
    return "silent" if now - activity.last_time_ns > SILENT_AFTER_S * SECOND_NS else "reporting"
