"""What the registry means for the rollups: who stood in which village when, under what contract."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pantau_collector.analysis.rollup_tables import Grid, Home, Stay, Stays
from pantau_collector.analysis.rollup_villages import Terms
from pantau_collector.analysis_loop.windows import Span, slot_from
from pantau_collector.months.instants import day_ns
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.registry.codes import REGENCY_LENGTH
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.registry.model import Placement, Registry

_FAR_NS = 2**62
_STAYS_MARGIN_NS = 3600 * 10**9


def placement_spans(registry: Registry, device: str) -> Iterator[tuple[Placement, Span]]:
    """Yield each placement of a device with the slots for which it counts; retired ones too."""
    history = registry.history(device)
    ends = [*(slot_from(placement.since_ns) for placement in history[1:]), _FAR_NS]
    for placement, until_ns in zip(history, ends, strict=False):  # of a device that is gone there is neither
        since_ns = slot_from(placement.since_ns)
        if since_ns < until_ns:
            yield placement, Span(since_ns, until_ns)


class Standing(NamedTuple):
    """A device counts for a village in a span of slots, by one version of a profile.

    `terms`: the key of that version, another one for other rules.
    """

    village: str
    span: Span
    traffic_source: bool
    terms: str
    networks: frozenset[str]
    provider: str


class Places:
    """One version of the registry and of the profiles, by regency."""

    def __init__(self, registry: Registry, book: ProfileBook | None = None) -> None:
        self.registry, self.book = registry, book or ProfileBook()
        self.terms: dict[str, Terms] = {}
        self._villages: dict[str, list[str]] = defaultdict(list)
        for village in registry.all_villages:
            self._villages[village[:REGENCY_LENGTH]].append(village)
        self._standings: dict[str, list[Standing]] = {}

    @property
    def regencies(self) -> list[str]:
        """The codes of all regencies that have or had a device, in order."""
        return sorted(self._villages)

    def villages_of(self, regency: str) -> list[str]:
        """Return the codes of the regency's villages that have or had a device, in order."""
        return self._villages.get(regency, [])

    def standing(self, villages: Sequence[str], grid: Grid) -> tuple[list[str], Stays]:
        """Return who stood in which of the villages during the grid; numbers are places in both sequences."""
        number_of = {village: number for number, village in enumerate(villages)}
        devices: list[str] = []
        found: list[Stay] = []
        homes: dict[int, list[Home]] = {}
        for device in sorted({device for village in villages for device in self.registry.ever_in(village)}):
            known = len(found)
            for village, span, source, terms, _, provider in self.standings(device):
                since_ns, until_ns = max(span.since_ns, grid.since_ns), min(span.until_ns, grid.until_ns)
                if village in number_of and since_ns < until_ns:
                    number = number_of[village]
                    found.append(Stay(len(devices), number, since_ns, until_ns, source, terms, provider))
            if len(found) > known:
                homes |= self._homes(device, len(devices))
                devices.append(device)
        return devices, Stays(found, grid.since_ns - _STAYS_MARGIN_NS, homes)

    def stood(self, device: str) -> Iterator[tuple[str, Span]]:
        """Yield the villages in which a device was active, and when."""
        for standing in self.standings(device):
            yield standing.village, standing.span

    def standings(self, device: str) -> list[Standing]:
        """Return where a device was active, in order: a part for each placement and version of a profile."""
        if device not in self._standings:
            self._standings[device] = list(self._read_standings(device))
        return self._standings[device]

    def _read_standings(self, device: str) -> Iterator[Standing]:
        for placement, span in placement_spans(self.registry, device):
            if placement.active:
                yield from self._versions(placement, span)

    def _versions(self, placement: Placement, span: Span) -> Iterator[Standing]:
        """Yield a placement's span by the versions of its profile, each from its local day on."""
        zone = zone_of(placement.village)
        versions = self.book.versions(placement.profile)
        starts = [0, *(day_ns(version.since, zone) for version in versions[1:])]
        for version, since_ns, until_ns in zip(versions, starts, [*starts[1:], _FAR_NS], strict=True):
            part = Span(max(span.since_ns, since_ns), min(span.until_ns, until_ns))
            if part.since_ns < part.until_ns:
                yield Standing(
                    village=placement.village,
                    span=part,
                    traffic_source=placement.traffic_source,
                    terms=self._key(version),
                    networks=placement.networks,
                    provider=placement.provider,
                )

    def _key(self, profile: Profile) -> str:
        key = f"{profile.name} {profile.since} {profile.fingerprint}"
        if key not in self.terms:
            rates = profile.contracted_download_bps, profile.contracted_upload_bps
            self.terms[key] = Terms(profile.speed_engine, *rates)
        return key

    def _homes(self, device: str, number: int) -> dict[int, list[Home]]:
        found = [Home(*one.span, one.networks) for one in self.standings(device) if one.networks]
        return {number: found} if found else {}
