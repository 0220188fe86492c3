"""The network-in series of the Numenta Anomaly Benchmark, from a checkout that somebody else has made.

Two to three weeks of three machines in a data centre, with windows in which somebody saw an anomaly. They are
no villages: bytes of five minutes, some thousand bit/s. So each is scaled to a median of 10 Mbit/s, which
changes nothing but what counts as quiet. Source: A. Lavin, S. Ahmad, Evaluating Real-time Anomaly Detection
Algorithms, ICMLA 2015; github.com/numenta/NAB.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge.rules import BIN_S
from pantau_collector.analysis.surge.traffic_set import Event, TrafficSet
from pantau_collector.errors import TrafficSetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SERIES = (
    "realAWSCloudwatch/ec2_network_in_257a54.csv",
    "realAWSCloudwatch/ec2_network_in_5abac7.csv",
    "realAWSCloudwatch/iio_us-east-1_i-a2eb1cd9_NetworkIn.csv",
)
_MEDIAN_BPS = 1e7
_WINDOWS = "labels/combined_windows.json"


def read(folder: Path, name: str) -> TrafficSet:
    """Return one series as a village's traffic, its windows as events; raises `TrafficSetError`."""
    try:
        with (folder / "data" / name).open(encoding="ascii", newline="") as file:
            rows = [(_bin(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
        windows = json.loads((folder / _WINDOWS).read_text("utf-8"))[name]
    except (OSError, ValueError, KeyError) as error:
        raise TrafficSetError(f"{folder} is no checkout of github.com/numenta/NAB: {error}") from None
    first = min(at for at, _ in rows)
    rates = _scaled(rows, first)
    return TrafficSet(
        rate_bps=rates[None, :],
        start_s=first * BIN_S,
        utc_offset_s=np.zeros(1, dtype=np.int32),
        regency=np.zeros(1, dtype=np.int32),
        events=tuple(_event(since, until, first, len(rates)) for since, until in windows),
    )


def _scaled(rows: list[tuple[int, float]], first: int) -> NDArray[np.float64]:
    rates = np.full(max(at for at, _ in rows) - first + 1, np.nan)
    for at, value in rows:
        rates[at - first] = value
    middle = float(np.nanmedian(rates)) or 1.0
    return rates * (_MEDIAN_BPS / middle)


def _event(since: str, until: str, first: int, bins: int) -> Event:
    return Event(0, max(_bin(since) - first, 0), min(_bin(until) - first, bins - 1), 1.0)


def _bin(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // BIN_S
