"""What the registry means for the rollups: who stood in which village when, under what contract."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.analysis.profiles import PRESETS
from pantau_collector.analysis.rollup_tables import Grid, Stay, Stays
from pantau_collector.analysis.rollup_villages import Terms
from pantau_collector.analysis_loop.windows import Span, slot_from
from pantau_collector.registry.codes import REGENCY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pantau_collector.config import ContractConfig
    from pantau_collector.registry.model import Placement, Registry

_FAR_NS = 2**62
_STAYS_MARGIN_NS = 3600 * 10**9


def placement_spans(registry: Registry, device: str) -> Iterator[tuple[Placement, Span]]:
    """Yield each placement of a device with the slots for which it counts; retired ones too."""
    history = registry.history(device)
    ends = [*(slot_from(placement.since_ns) for placement in history[1:]), _FAR_NS]
    for placement, until_ns in zip(history, ends, strict=True):
        since_ns = slot_from(placement.since_ns)
        if since_ns < until_ns:
            yield placement, Span(since_ns, until_ns)


class Places:
    """One version of the registry, by regency."""

    def __init__(self, registry: Registry, contracts: Mapping[str, ContractConfig] | None = None) -> None:
        self.registry = registry
        self.terms = _terms(contracts or {})
        self._villages: dict[str, list[str]] = defaultdict(list)
        for village in registry.all_villages:
            self._villages[village[:REGENCY_LENGTH]].append(village)

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
        for device in sorted({device for village in villages for device in self.registry.ever_in(village)}):
            known = len(found)
            for placement, span in placement_spans(self.registry, device):
                since_ns, until_ns = (
                    max(span.since_ns, grid.since_ns),
                    min(span.until_ns, grid.until_ns),
                )
                if placement.active and placement.village in number_of and since_ns < until_ns:
                    village = number_of[placement.village]
                    source, profile = placement.traffic_source, placement.profile
                    found.append(Stay(len(devices), village, since_ns, until_ns, source, profile))
            if len(found) > known:
                devices.append(device)
        return devices, Stays(found, grid.since_ns - _STAYS_MARGIN_NS)

    def stood(self, device: str) -> Iterator[tuple[str, Span]]:
        """Yield the villages in which a device was active, and when."""
        for placement, span in placement_spans(self.registry, device):
            if placement.active:
                yield placement.village, span


def _terms(contracts: Mapping[str, ContractConfig]) -> dict[str, Terms]:
    """Return what each profile says that has a preset or a contract."""
    return {name: _terms_of(name, contracts.get(name)) for name in {*PRESETS, *contracts}}


def _terms_of(profile: str, contract: ContractConfig | None) -> Terms:
    engine = PRESETS.get(profile, {}).get("speed_engine", "http")
    if contract is None:
        return Terms(engine)
    return Terms(engine, contract.download_bps, contract.upload_bps)
