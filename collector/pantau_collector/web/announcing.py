"""Maintenance as pages and API announce it: under the rules of who is promised what there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.months import maintenance
from pantau_collector.months.instants import local_day
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.months.model import Maintenance
    from pantau_collector.web.portal import Portal


def announce(portal: Portal, asked: Maintenance) -> maintenance.Announcement:
    """Keep an announcement, and say whether it counts.

    Raises `MaintenanceError` for what makes no sense, and `StoreUnavailableError`.
    """
    return maintenance.announce(portal.store, asked, _profile(portal, asked))


def _profile(portal: Portal, asked: Maintenance) -> Profile:
    """Return the profile of the day: the village's, for larger areas the default one."""
    placements = portal.registry.get().devices_of(asked.area, portal.clock_ns())
    book = portal.profiles.get() if portal.profiles else ProfileBook()
    day = local_day(asked.from_ns, zone_of(asked.area))
    return book.on(placements[0].profile if placements else "default", day)
