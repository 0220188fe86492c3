"""Which device each village's traffic is counted by, by the registry."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.analysis_loop.places import placement_spans
from pantau_collector.analysis_loop.surges.traffic import BIN_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_collector.registry.model import Registry


class Declared:
    """The declared traffic sources of some villages."""

    def __init__(self, registry: Registry, villages: Iterable[str]) -> None:
        self._spans: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        wanted = set(villages)
        for device in sorted({device for village in wanted for device in registry.ever_in(village)}):
            for placement, span in placement_spans(registry, device):
                if placement.active and placement.traffic_source and placement.village in wanted:
                    first_bin, end_bin = span.since_ns // BIN_NS, span.until_ns // BIN_NS
                    self._spans[placement.village].append((first_bin, end_bin, device))

    def at(self, village: str, bin_index: int) -> str:
        """Return the devices that are the village's source in a bin: one, where the registry is right."""
        return "+".join(
            device for first, end, device in self._spans.get(village, ()) if first <= bin_index < end
        )

    def throughout(self, village: str, first_bin: int, last_bin: int) -> str | None:
        """Return what `at` returns for each of some bins, None where that changes."""
        spans = self._spans.get(village, ())
        if any(first_bin < edge <= last_bin for first, end, _ in spans for edge in (first, end)):
            return None
        return self.at(village, first_bin)
