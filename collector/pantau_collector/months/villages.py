"""Who is judged in a month, for whom, and by which profiles: from the registry's placements.

Where several devices stand in a village, its declared traffic source speaks for it, else the first by id.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from pantau_collector.months.instants import first_day_from, span_ns
from pantau_collector.registry.model import DEFAULT_PROFILE
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.profiles import Profiles
    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Placement, Registry

_ALWAYS = date(2000, 1, 1)


class Terms(NamedTuple):
    """Who owes a village what: the provider with whom the month began, and its dated profiles."""

    provider: str
    profiles: Profiles


def terms_of(
    registry: Registry, book: ProfileBook, villages: Iterable[str], month: Month
) -> dict[str, Terms]:
    """Return the terms of those villages in which a device was active in the month, in order of code."""
    since_ns, until_ns = span_ns(month)
    found = {}
    for village in sorted(villages):
        spoken = list(speakers(registry, village))
        inside = [one for one in spoken if one.since_ns < until_ns and one.until_ns > since_ns]
        if inside:
            found[village] = Terms(inside[0].placement.provider, book.profiles(_names(village, spoken)))
    return found


def profiles_of(registry: Registry, book: ProfileBook, village: str) -> Profiles:
    """Return the dated profiles of a village, the default one's where no device ever was active there."""
    return book.profiles(_names(village, list(speakers(registry, village))) or ((_ALWAYS, DEFAULT_PROFILE),))


class Speaker(NamedTuple):
    """The placement that speaks for a village from one instant until another (ns)."""

    since_ns: int
    until_ns: float
    placement: Placement


def speakers(registry: Registry, village: str) -> Iterator[Speaker]:
    """Yield who speaks for a village, in order; nothing of spans in which nobody is active there."""
    devices = registry.ever_in(village)
    edges = sorted({placement.since_ns for device in devices for placement in registry.history(device)})
    for since_ns, until_ns in zip(edges, [*edges[1:], float("inf")], strict=False):
        here = registry.devices_of(village, since_ns)
        if here:
            speaker = min(here, key=lambda placement: (not placement.traffic_source, placement.device))
            yield Speaker(since_ns, until_ns, speaker)


def _names(village: str, spoken: list[Speaker]) -> tuple[tuple[date, str], ...]:
    """Return the profiles' names, each with the first local day on which it held from the beginning."""
    zone = zone_of(village)
    found: list[tuple[date, str]] = []
    for speaker in spoken:
        name = speaker.placement.profile
        if not found:
            found.append((_ALWAYS, name))
        elif found[-1][1] != name:
            since = first_day_from(speaker.since_ns, zone)
            found = [one for one in found if one[0] < since]
            found.append((since, name))
    return tuple(found)
