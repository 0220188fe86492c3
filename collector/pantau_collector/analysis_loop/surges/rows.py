"""From scores to rows of the series `surge`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge import rules, scoring
from pantau_collector.analysis_loop.surges.traffic import BIN_NS, DIRECTIONS
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.surge.detector import Scores

_DIGITS = 3
_STATES = {scoring.SLOW: "slow", scoring.FAST: "surge"}


@dataclass(frozen=True, slots=True)
class Bin:
    """What a bin's rows need beside the scores; arrays are by series or by village."""

    bin_index: int
    rate_bps: NDArray[np.float64]
    contracted_bps: NDArray[np.float64]
    by_router: NDArray[np.bool_]
    registered: NDArray[np.bool_]
    surge_starts: NDArray[np.int64]


def rows_of(one: Bin, villages: Sequence[str], scores: Scores) -> Iterator[SeriesRow]:
    """Yield a row for each direction of each registered village of whose traffic anything is known."""
    count = len(villages)
    by_router = np.tile(one.by_router, len(DIRECTIONS))
    utilization = np.where(by_router, one.rate_bps / one.contracted_bps, np.nan)
    range_factor = np.exp(rules.NORMAL_SPREADS * scores.spread)
    columns = {
        "score": _listed(scores.score, _DIGITS),
        "cusum": _listed(scores.cusum, _DIGITS),
        "ratio": _listed(scores.ratio, _DIGITS),
        "baseline_bps": _listed(scores.baseline_bps),
        "baseline_low_bps": _listed(scores.baseline_bps / range_factor),
        "baseline_high_bps": _listed(scores.baseline_bps * range_factor),
        "rate_bps": _listed(one.rate_bps),
        "regional_score": _listed(np.repeat(scores.regional_score, count), _DIGITS),
        "regional_ratio": _listed(np.repeat(scores.regional_ratio, count), _DIGITS),
        "utilization_ratio": _listed(utilization, _DIGITS + 1),
    }
    learning, alarms, starts = (
        array.tolist() for array in (scores.learning_left_days, scores.alarm, one.surge_starts)
    )
    time_ns = one.bin_index * BIN_NS
    measured = ~np.isnan(one.rate_bps)
    for at in np.flatnonzero(_worth_a_row(one, scores)).tolist():
        values: dict[str, float | int | bool | str] = {
            name: some[at]
            for name, some in columns.items()
            if some[at] == some[at]  # NaN is absent
        }
        values["state"] = _state(learning[at], alarms[at], measured=bool(measured[at]))
        if learning[at]:
            values["learning_days_left"] = learning[at]
        if starts[at] >= 0:
            values["since_s"] = float(starts[at] * rules.BIN_S)
        village, direction = villages[at % count], DIRECTIONS[at // count]
        yield SeriesRow("surge", (*area_tags(village), direction), time_ns, values)


def _worth_a_row(one: Bin, scores: Scores) -> NDArray[np.bool_]:
    known = ~np.isnan(one.rate_bps) | ~np.isnan(scores.baseline_bps)
    return known & np.tile(one.registered, len(DIRECTIONS))


def _state(learning_days: int, alarm: int, *, measured: bool) -> str:
    if learning_days:
        return "learning"
    if alarm:
        return _STATES[alarm]
    return "normal" if measured else "unmeasured"


def _listed(values: NDArray[np.floating], digits: int = 0) -> list[float]:
    listed: list[float] = np.round(values.astype(np.float64), digits).tolist()
    return listed
