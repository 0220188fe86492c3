"""Other defaults for other lines: what `profile` stands for. File and environment win over them, key by key.

`metered` is for lines where data costs money. Delay and loss are still measured each minute, because a
village's minutes are judged by them; everything else is seldom, small, or sent in larger pieces. What each
profile costs a month: benchmarks/README.md, "Idle traffic".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Final[Mapping[str, Mapping[str, int | float]]] = {
    "standard": {},
    "metered": {
        "budget.month_mb": 3_000,
        "speed.tests_per_day": 3,
        "speed.peak_share_ratio": 0.8,  # a month's verdict needs 60 tests in the peak hours
        "speed.max_bytes": 25_000_000,  # past the ramp-up at 38 Mbit/s down and 19 up
        "latency.packets_count": 5,
        "dns.period_s": 1_800.0,
        "http.period_s": 3_600.0,
        "http.max_bytes": 200_000,
        "link.period_s": 300.0,
        "device_health.period_s": 900.0,
        "spool.commit_interval_s": 300.0,  # larger pieces deflate better, and need fewer packets
        "broker.keepalive_s": 240,
    },
}


def lay_under(values: dict[str, Any]) -> None:
    """Put the profile's values under those that are given; what is no table is left for others to refuse."""
    profile = values.get("profile")
    for dotted, value in PRESETS.get(profile if isinstance(profile, str) else "", {}).items():
        section, key = dotted.split(".")
        table = values.setdefault(section, {})
        if isinstance(table, dict):
            table.setdefault(key, value)
