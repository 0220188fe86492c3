"""Colours and words for states and verdicts, and lines for what a profile allows.

The palette is Okabe and Ito's (2008), which people with any colour vision can tell apart; no panel says
anything by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pantau_collector.storage.series import ALERTS, STATES
from pantau_dashboards.alerting import bounds
from pantau_dashboards.i18n import marked as _

GREEN = "#009E73"
BLUE = "#0072B2"
SKY = "#56B4E9"
YELLOW = "#F0E442"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#999999"

Wording = Mapping[str, tuple[str, str]]
"""What a value means: the words for it (a message id) and its colour."""

_STATES: Wording = {
    "up": (_("Up"), GREEN),
    "link_down": (_("Link down"), VERMILLION),
    "local_fault": (_("Fault in the village"), ORANGE),
    "power_off": (_("Power off"), BLUE),
    "agent_down": (_("Agent down"), PURPLE),
    "off_site": (_("Away from the village"), YELLOW),
    "unknown": (_("Unknown"), GREY),
}
STATE_WORDS: Wording = {state: _STATES[state] for state in STATES}
STATE_INDEX_WORDS: Wording = {str(index): _STATES[state] for index, state in enumerate(STATES)}
VERDICT_WORDS: Wording = {
    "pass": (_("Pass"), GREEN),
    "fail": (_("Fail"), VERMILLION),
    "inconclusive": (_("Inconclusive"), ORANGE),
    "insufficient_data": (_("Insufficient data"), GREY),
}
SURGE_WORDS: Wording = {
    "normal": (_("Usual"), GREEN),
    "slow": (_("Slow surge"), ORANGE),
    "surge": (_("Surge"), VERMILLION),
    "unmeasured": (_("Not measured"), GREY),
    "learning": (_("Learning"), GREY),
}
FLAG_WORDS: Wording = {"true": (_("Yes"), GREEN), "false": (_("No"), VERMILLION)}
ALARM_FLAG_WORDS: Wording = {"true": (_("Yes"), VERMILLION), "false": (_("No"), GREEN)}
ALARM_WORDS: Wording = {"true": (_("Open"), VERMILLION), "false": (_("Closed"), GREEN)}
CLOCK_WORDS: Wording = {
    "synced": (_("Synchronised"), GREEN),
    "repaired": (_("Repaired"), SKY),
    "estimated": (_("Estimated"), ORANGE),
    "unsynced": (_("Not synchronised"), VERMILLION),
    "unknown": (_("Unknown"), GREY),
}
BUDGET_WORDS: Wording = {
    "ok": (_("Enough"), GREEN),
    "thinned": (_("Thinned"), ORANGE),
    "spent": (_("Spent"), VERMILLION),
}
LIMIT_WORDS: Wording = {
    "none": (_("Nothing"), GREEN),
    "device": (_("Device"), ORANGE),
    "busy_line": (_("Busy line"), SKY),
    "budget": (_("Data budget"), PURPLE),
    "server": (_("Server"), GREY),
}
_ALERTS: Wording = {
    "village_silent": (_("Village silent"), GREY),
    "link_down": (_("Link down"), VERMILLION),
    "delay": (_("Delay"), ORANGE),
    "loss": (_("Packet loss"), PURPLE),
    "download": (_("Download below the contract"), BLUE),
    "upload": (_("Upload below the contract"), SKY),
}
ALERT_WORDS: Wording = {name: _ALERTS[name] for name in ALERTS}


@dataclass(frozen=True, slots=True)
class Limits:
    """Colours by value: the one below the first limit, then from each limit on."""

    base: str
    steps: tuple[tuple[float, str], ...]


AVAILABILITY_RATIO = 0.95
VARIATION_MS = 50.0
COVERAGE_RATIO = 0.9
BUSY_RATIO = 0.9
"""From here on a line is as good as full."""
QUIET_MINUTES = 15.0
"""A device that works reports each minute."""

AVAILABILITY = Limits(VERMILLION, ((AVAILABILITY_RATIO, GREEN),))
DELAY = Limits(GREEN, ((bounds.DELAY_MS, ORANGE), (bounds.SATELLITE_DELAY_MS, VERMILLION)))
VARIATION = Limits(GREEN, ((VARIATION_MS, VERMILLION),))
LOSS = Limits(GREEN, ((bounds.LOSS_RATIO, VERMILLION),))
SPEED = Limits(VERMILLION, ((bounds.SPEED_RATIO, GREEN),))
COVERAGE = Limits(ORANGE, ((COVERAGE_RATIO, GREEN),))
SILENCE = Limits(GREEN, ((QUIET_MINUTES, ORANGE), (bounds.SILENT_MINUTES, VERMILLION)))
SCORE = Limits(GREEN, ((bounds.SURGE_SCORE, VERMILLION),))
CUSUM = Limits(GREEN, ((bounds.SLOW_SURGE_CUSUM, VERMILLION),))
UTILIZATION = Limits(GREEN, ((bounds.UTILIZATION_RATIO, ORANGE), (BUSY_RATIO, VERMILLION)))
LAG = Limits(GREEN, ((bounds.LAG_S, VERMILLION),))
REVOCATION_LIST = Limits(VERMILLION, ((bounds.REVOCATION_LIST_LEFT_S, GREEN),))
CLOCK_OFFSET = Limits(VERMILLION, ((-bounds.CLOCK_OFFSET_MS, GREEN), (bounds.CLOCK_OFFSET_MS, VERMILLION)))
NONE_IS_GOOD = Limits(GREEN, ((1.0, VERMILLION),))
PLAIN = Limits(BLUE, ())
