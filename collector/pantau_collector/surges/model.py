"""A surge as portal, notifications and log see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from pantau_collector.analysis.surge import rules

if TYPE_CHECKING:
    from pantau_collector.storage.base import SeriesRow

Direction = Literal["rx", "tx"]
Impact = Literal["utilization", "delay", "loss"]
SECOND_NS = 10**9


@dataclass(frozen=True, slots=True)
class Felt:
    """How the village's line fares meanwhile; None where that was not measured."""

    delay_ms: float | None = None
    loss_ratio: float | None = None
    delay_max_ms: float = 100.0
    loss_max_ratio: float = 0.01


@dataclass(frozen=True, slots=True)
class Surge:
    """A village's traffic in one direction at one moment, as a row of `surge` has it.

    `regency` surges have the regency's code for a village, and no rates.
    """

    village: str
    direction: Direction
    time_ns: int
    state: str
    since_s: float | None
    score: float | None = None
    cusum: float | None = None
    ratio: float | None = None
    rate_bps: float | None = None
    baseline_bps: float | None = None
    low_bps: float | None = None
    high_bps: float | None = None
    regional_score: float | None = None
    regional_ratio: float | None = None
    utilization_ratio: float | None = None
    learning_days_left: int = 0

    @classmethod
    def of(cls, row: SeriesRow) -> Self:
        """Return what a row of `surge` says."""

        def number(name: str) -> float | None:
            return float(row.values[name]) if name in row.values else None

        return cls(
            village=row.tags[0],
            direction="tx" if row.tags[4] == "tx" else "rx",
            time_ns=row.time_ns,
            state=str(row.values.get("state", "")),
            since_s=number("since_s"),
            score=number("score"),
            cusum=number("cusum"),
            ratio=number("ratio"),
            rate_bps=number("rate_bps"),
            baseline_bps=number("baseline_bps"),
            low_bps=number("baseline_low_bps"),
            high_bps=number("baseline_high_bps"),
            regional_score=number("regional_score"),
            regional_ratio=number("regional_ratio"),
            utilization_ratio=number("utilization_ratio"),
            learning_days_left=int(row.values.get("learning_days_left", 0)),
        )

    @property
    def of_the_regency(self) -> bool:
        """Whether the whole regency does the same."""
        return self.regional_score is not None and self.regional_score > rules.SCORE_ALARM


def impacts(surge: Surge, felt: Felt) -> tuple[Impact, ...]:
    """Return in which ways a surge is felt: people are called for these only (docs/surge.md)."""
    found: list[Impact] = []
    if surge.utilization_ratio is not None and surge.utilization_ratio > rules.IMPACT_UTILIZATION_RATIO:
        found.append("utilization")
    if felt.delay_ms is not None and felt.delay_ms > felt.delay_max_ms:
        found.append("delay")
    if felt.loss_ratio is not None and felt.loss_ratio > felt.loss_max_ratio:
        found.append("loss")
    return tuple(found)
