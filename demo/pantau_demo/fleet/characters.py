"""How villages fare: most well, some badly in ways of their own, so that every verdict comes up. A table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Character:
    """What is particular about a village. `*_factor` multiply what is usual."""

    name: str
    share: float
    quality: float = 0.97
    """Which part of the contracted rate the free line carries, in the median test."""
    quality_spread: float = 0.03
    load: float = 0.30
    """Traffic in the evening's peak, as a part of the contracted rate."""
    outage_factor: float = 1.0
    outage_minutes_factor: float = 1.0
    agent_stops_per_day: float = 0.008
    card_faults_per_day: float = 0.001
    tests_share: float = 0.97
    """Which part of the planned speed tests is made."""
    laptop: bool = False
    """Switched off at night, and on Wi-Fi."""


CHARACTERS = (
    Character("solid", 0.63),
    Character("congested", 0.08, load=0.92),
    Character("slow", 0.07, quality=0.66, quality_spread=0.08),
    Character("marginal", 0.07, quality=0.835, quality_spread=0.055),
    Character("flaky", 0.05, outage_factor=7.0, outage_minutes_factor=9.0),
    Character("laptop", 0.05, laptop=True, tests_share=0.6),
    Character("patchy", 0.03, agent_stops_per_day=0.55, card_faults_per_day=0.05),
    Character("untested", 0.02, tests_share=0.12),
)
