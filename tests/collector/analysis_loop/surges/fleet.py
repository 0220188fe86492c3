"""A regency's villages with five-minute rows that come as they like, and a loop that lives through it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BINS_PER_DAY
from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.cursors import Cursors
from pantau_collector.analysis_loop.places import Places
from pantau_collector.analysis_loop.surges.surges import Surges
from pantau_collector.analysis_loop.surges.traffic import BIN_NS
from pantau_collector.analysis_loop.windows import Span
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.model import Placement, Registry
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pantau_collector.notification.notices import Notice
    from pantau_collector.storage.base import Store

DAY = BINS_PER_DAY
FIRST_BIN = 20_680 * DAY  # 2026-08-15, so that Independence Day and weekends are in it
CONTRACT_BPS = 50e6


def village(number: int) -> str:
    return f"33.10.26.{2001 + number}"


def registry(village_count: int, extra: Sequence[Placement] = ()) -> Registry:
    """A village's router is asked by its first device."""
    homes = [
        Placement(f"desa-{number}", village(number), 0, provider="p", traffic_source=True)
        for number in range(village_count)
    ]
    return Registry([*homes, *extra], f"{village_count} and {len(extra)}")


def row(number: int, bin_index: int, rate_bps: float | None, **other: float | bool) -> SeriesRow:
    """A village's five minutes; it sends a fifth of what it receives."""
    values: dict[str, float | int | bool | str] = {
        "device_count": 1,
        "contracted_download_bps": CONTRACT_BPS,
        "contracted_upload_bps": CONTRACT_BPS,
    }
    if rate_bps is not None:
        values |= {"rx_rate_bps": rate_bps, "tx_rate_bps": rate_bps / 5, "router_traffic": True}
    return SeriesRow("village_5m", area_tags(village(number)), bin_index * BIN_NS, values | other)


def rates(seed: int, village_count: int, bins: int, surges_from: int) -> NDArray[np.float64]:
    """Rates (bit/s, shape (bins, villages)) with days, noise, gaps and surges, three of them of everybody."""
    rng = np.random.default_rng(seed)
    day = 1 + 0.8 * np.sin(2 * np.pi * np.arange(bins) / DAY)[:, None]
    found = 5e6 * np.exp(day + 0.15 * rng.standard_normal((bins, village_count)))
    found[rng.random((bins, village_count)) < 0.04] = np.nan
    for _ in range(2 * village_count):
        start = rng.integers(surges_from, bins)
        found[start : start + rng.integers(3, 40), rng.integers(village_count)] *= rng.choice([2, 3, 5])
    start = rng.integers(surges_from, bins - 30)
    found[start : start + 25] *= 2.5
    return found


@dataclass
class Fleet:
    """A store, and a loop of surges on it, which may end and begin again."""

    store: Store
    folder: Path
    registry: Registry
    end_bin: int = FIRST_BIN
    breathe: Callable[[], None] = lambda: None
    notices: list[Notice] = field(default_factory=list)
    surges: Surges = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.surges = Surges(self.store, Cursors(self.store), self.folder, self._breathe, self.notices.extend)

    def _breathe(self) -> None:
        self.breathe()

    def arrive(self, rows: Iterable[SeriesRow]) -> None:
        """Have rows of villages replace what the store has in their places."""
        by_time: dict[int, list[SeriesRow]] = {}
        for one in rows:
            by_time.setdefault(one.time_ns, []).append(one)
        for time_ns, some in sorted(by_time.items()):
            where = {"village": [one.tags[0] for one in some]}
            span = Span(time_ns, time_ns + BIN_NS)
            writing.replace(
                self.store,
                ["village_5m"],
                span,
                where,
                some,
                announce=self.surges.note,
            )

    def step(self, end_bin: int, settled_bin: int | None = None) -> None:
        """Do what is due at a bin's end."""
        self.end_bin = end_bin
        settled = end_bin if settled_bin is None else settled_bin
        self.surges.step(Places(self.registry), end_bin * BIN_NS, settled * BIN_NS)

    def found(self, since_bin: int = 0) -> dict[tuple[str, str, int], Mapping[str, object]]:
        """Every row of `surge`, by village, direction and bin."""
        return {
            (one.tags[0], one.tags[4], one.time_ns // BIN_NS): one.values
            for one in self.store.series("surge", since_ns=since_bin * BIN_NS)
        }


def written(store: Store, rows: Iterable[SeriesRow]) -> None:
    """Put rows into a store before anybody looks at it."""
    remaining = iter(rows)
    while some := list(itertools.islice(remaining, 20_000)):
        store.write_series(some)
