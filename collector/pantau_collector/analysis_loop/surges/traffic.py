"""What a regency's villages moved, from their five-minute and hourly rows to arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BIN_S, BINS_PER_HOUR
from pantau_collector.analysis_loop.windows import SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantau_collector.storage.base import Store
    from pantau_collector.storage.series import Window

DIRECTIONS = ("rx", "tx")
BIN_NS = BIN_S * SECOND_NS
COLUMNS = (
    "device_count",
    "rx_rate_bps",
    "tx_rate_bps",
    "router_traffic",
    "contracted_download_bps",
    "contracted_upload_bps",
)
"""What a village's row must have the same for its surges to stay the same; the first is in every row."""
_RATES = ("rx_rate_bps", "tx_rate_bps")
_CONTRACTS = ("contracted_download_bps", "contracted_upload_bps")
NOBODY, HOST, ROUTER, SOMEBODY = 0, 1, 2, 3
"""Who counted; rows that do not say so (imported ones, and those of older versions) have somebody."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bins that follow each other. A series is a village's direction: all received ones before all sent."""

    first_bin: int
    rate_bps: NDArray[np.float64]
    """Shape (bins, series), NaN for a gap."""
    contracted_bps: NDArray[np.float64]
    """Shape (bins, series), NaN where nobody knows."""
    counter: NDArray[np.uint8]
    """Shape (bins, villages): who counted."""
    registered: NDArray[np.bool_]
    """Shape (bins, villages): whether there is a row."""

    @property
    def bin_count(self) -> int:
        """How many bins these are."""
        return len(self.rate_bps)


def read(
    store: Store, villages: Sequence[str], first_bin: int, end_bin: int, *, window: Window = "5m"
) -> Traffic:
    """Return what the store has of some bins; an hour's row stands for each of its bins."""
    found = _nothing(first_bin, end_bin - first_bin, len(villages))
    columns = store.series_columns(
        f"village_{window}",
        ("village", "time_ns", *COLUMNS),
        since_ns=first_bin * BIN_NS,
        until_ns=end_bin * BIN_NS,
        where={"village": list(villages)},
    )
    number_of = {village: number for number, village in enumerate(villages)}
    village = np.array([number_of[one] for one in columns["village"]], dtype=np.int64)
    bins = np.array(columns["time_ns"], dtype=np.int64) // BIN_NS - first_bin
    numbers = {name: np.array(columns[name], dtype=np.float64) for name in COLUMNS}
    for later in range(1 if window == "5m" else BINS_PER_HOUR):
        _fill(found, bins + later, village, numbers)
    return found


def laid_over(hours: Traffic, bins: Traffic) -> Traffic:
    """Return the five-minute bins, and the hours' where there is no five-minute row at all."""
    known = bins.registered
    both = np.concatenate([known, known], axis=1)
    return Traffic(
        bins.first_bin,
        np.where(both, bins.rate_bps, hours.rate_bps),
        np.where(both, bins.contracted_bps, hours.contracted_bps),
        np.where(known, bins.counter, hours.counter),
        known | hours.registered,
    )


def _nothing(first_bin: int, bin_count: int, village_count: int) -> Traffic:
    series = (bin_count, len(DIRECTIONS) * village_count)
    return Traffic(
        first_bin,
        np.full(series, np.nan),
        np.full(series, np.nan),
        np.full((bin_count, village_count), NOBODY, dtype=np.uint8),
        np.zeros((bin_count, village_count), dtype=bool),
    )


def _fill(
    found: Traffic,
    bins: NDArray[np.int64],
    village: NDArray[np.int64],
    numbers: dict[str, NDArray[np.float64]],
) -> None:
    """Put rows into their bins; those that could not be erased count no device."""
    there = (bins < found.bin_count) & (numbers["device_count"] > 0)
    bins, village = bins[there], village[there]
    found.registered[bins, village] = True
    village_count = found.registered.shape[1]
    for direction, (rate, contract) in enumerate(zip(_RATES, _CONTRACTS, strict=True)):
        series = direction * village_count + village
        found.rate_bps[bins, series] = numbers[rate][there]
        found.contracted_bps[bins, series] = numbers[contract][there]
    router = numbers["router_traffic"][there]
    silent = np.isnan(numbers["rx_rate_bps"]) & np.isnan(numbers["tx_rate_bps"])
    unsaid = np.where(silent[there], NOBODY, SOMEBODY)
    found.counter[bins, village] = np.where(np.isnan(router), unsaid, np.where(router > 0, ROUTER, HOST))
