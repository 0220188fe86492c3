"""How good a detector is on traffic whose surges are known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.surge import rivals, rules
from pantau_collector.analysis.surge.detector import Detector, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis.surge.traffic_set import Event, TrafficSet

_TAIL_BINS = rules.SCORE_BINS - 1
"""An alarm so shortly after an event's end still belongs to it: a score looks back that far."""
_ONE_EPISODE_BINS = rules.BINS_PER_HOUR
_DAYS_PER_MONTH = 30.4375
_MINUTES_PER_BIN = rules.BIN_S / 60


@dataclass(frozen=True, slots=True)
class Recall:
    """How many events of one magnitude there were and were found, and how soon (minutes, median)."""

    factor: float
    event_count: int
    found_count: int
    detect_p50_minutes: float | None

    @property
    def ratio(self) -> float:
        """The share that was found."""
        return self.found_count / self.event_count if self.event_count else 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """One detector on one set. An episode is a run of alarms with pauses of at most an hour."""

    recalls: tuple[Recall, ...]
    true_episode_count: int
    false_episode_count: int
    village_months: float

    @property
    def false_per_village_month(self) -> float:
        """False alarms a village and month, over the time in which there are scores."""
        return self.false_episode_count / self.village_months if self.village_months else 0.0

    def precision_of(self, recall: Recall) -> float | None:
        """Return the share of real ones if only this magnitude's events and all false alarms were counted."""
        total = recall.found_count + self.false_episode_count
        return recall.found_count / total if total else None


def scores(
    traffic: TrafficSet, learning_bins: int = rules.LEARNING_BINS
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return score and CUSUM of each bin, both of the shape (villages, bins), NaN where there is none."""
    order = np.argsort(traffic.utc_offset_s, kind="stable")  # one local time lies together
    surroundings = Surroundings(traffic.regency[order], traffic.utc_offset_s[order])
    detector = Detector(surroundings, learning_bins=learning_bins)
    score = np.full(traffic.rate_bps.shape, np.nan, dtype=np.float32)
    cusum = np.full_like(score, np.nan)
    for at in range(traffic.rate_bps.shape[1]):
        found = detector.step(traffic.first_bin_index + at, traffic.rate_bps[order, at])
        score[order, at], cusum[order, at] = found.score, found.cusum
    return score, cusum


def alarms_of_all(
    traffic: TrafficSet, score: NDArray[np.float32], cusum: NDArray[np.float32]
) -> dict[str, NDArray[np.bool_]]:
    """Return the alarms of the detector's two tracks and of its rivals."""
    return {
        "score": score > rules.SCORE_ALARM,
        "cusum": cusum > rules.CUSUM_ALARM,
        "static 80%": rivals.static_threshold(traffic.rate_bps),
        "Holt-Winters": rivals.holt_winters(traffic.rate_bps),
        "mean + 3 sigma": rivals.mean_and_deviation(traffic.rate_bps),
    }


def judge(traffic: TrafficSet, alarms: NDArray[np.bool_], first: int | None = None) -> Quality:
    """Return how good alarms (villages, bins) are, from a bin on: by default after 28 days, or 14 of few."""
    judged = alarms.copy()
    first = _first_judged_bin(traffic) if first is None else first
    judged[:, :first] = False
    real, false = _episodes(judged, traffic.events)
    by_factor: dict[float, list[Event]] = defaultdict(list)
    for event in traffic.events:
        if event.first_bin >= first:
            by_factor[event.factor].append(event)
    return Quality(
        recalls=tuple(_recall(judged, factor, found) for factor, found in sorted(by_factor.items())),
        true_episode_count=real,
        false_episode_count=false,
        village_months=_village_months(traffic, first),
    )


def recall_by_spread(
    traffic: TrafficSet, alarms: NDArray[np.bool_], spread: NDArray[np.floating], factor: float
) -> list[tuple[float, float, int]]:
    """Return (spread, recall, events) in steps of 0.05 of the villages' noise, for one magnitude."""
    found: Mapping[int, list[bool]] = defaultdict(list)
    for event in traffic.events:
        if event.factor == factor:
            found[round(spread[event.village] / 0.05)].append(_delay_bins(alarms, event) is not None)
    return [(step * 0.05, float(np.mean(hits)), len(hits)) for step, hits in sorted(found.items())]


def _first_judged_bin(traffic: TrafficSet) -> int:
    four_weeks = rules.BASELINE_DAYS * rules.BINS_PER_DAY
    return four_weeks if traffic.rate_bps.shape[1] > four_weeks else rules.LEARNING_BINS


def _village_months(traffic: TrafficSet, first: int) -> float:
    villages, bins = traffic.rate_bps.shape
    return float(villages * max(bins - first, 0) / rules.BINS_PER_DAY / _DAYS_PER_MONTH)


def _recall(alarms: NDArray[np.bool_], factor: float, events: Sequence[Event]) -> Recall:
    delays = [delay for event in events if (delay := _delay_bins(alarms, event)) is not None]
    return Recall(
        factor=factor,
        event_count=len(events),
        found_count=len(delays),
        detect_p50_minutes=float(np.median(delays)) * _MINUTES_PER_BIN if delays else None,
    )


def _delay_bins(alarms: NDArray[np.bool_], event: Event) -> int | None:
    """Return how many bins after an event's first the first alarm stands."""
    hits = np.flatnonzero(alarms[event.village, event.first_bin : event.last_bin + _TAIL_BINS + 1])
    return int(hits[0]) if len(hits) else None


def _episodes(alarms: NDArray[np.bool_], events: Iterable[Event]) -> tuple[int, int]:
    """Return how many episodes of alarm touch an event, and how many touch none."""
    real = np.zeros_like(alarms)
    for event in events:
        real[event.village, event.first_bin : event.last_bin + _TAIL_BINS + 1] = True
    true_count = false_count = 0
    for village in np.flatnonzero(alarms.any(axis=1)):
        bins = np.flatnonzero(alarms[village])
        for episode in np.split(bins, np.flatnonzero(np.diff(bins) > _ONE_EPISODE_BINS) + 1):
            touches = bool(real[village, episode].any())
            true_count, false_count = true_count + touches, false_count + (not touches)
    return true_count, false_count
