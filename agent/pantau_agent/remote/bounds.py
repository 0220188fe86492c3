"""What no message may exceed, whoever signed it: a key that is lost must not turn a fleet into a weapon.

A value that the local configuration has already is never refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pantau_agent.remote.hosts import check_hosts
from pantau_agent.remote.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.config import AgentConfig

PACKETS_PER_MINUTE: Final = 240.0
QUERIES_PER_MINUTE: Final = 60.0
PAGES_PER_MINUTE: Final = 6.0
_MINUTE_S = 60.0
_DAY_S = 86_400.0
_WITH_PERIODS = ("traffic", "latency", "dns", "http", "link", "device_health")


@dataclass(frozen=True, slots=True)
class _Amount:
    """Something that costs others: how much a configuration wants, and how much a device allows."""

    what: str
    of: Callable[[AgentConfig], float]
    most: Callable[[AgentConfig], float]


def check_bounds(local: AgentConfig, wanted: AgentConfig) -> None:
    """Raise `RefusedError` for the first thing that exceeds the local limits."""
    check_hosts(local, wanted)
    _check_periods(local, wanted)
    for amount in _AMOUNTS:
        value, most = amount.of(wanted), amount.most(local)
        if value > most and value != amount.of(local):
            raise RefusedError("limit", f"{amount.what}: {value:g}; this device allows {most:g}")


def _check_periods(local: AgentConfig, wanted: AgentConfig) -> None:
    least_s = local.remote.min_period_s
    for name in _WITH_PERIODS:
        period_s = getattr(wanted, name).period_s
        if period_s < least_s and period_s != getattr(local, name).period_s:
            raise RefusedError(
                "limit", f"{name}.period_s: {period_s:g}; this device allows {least_s:g} or more"
            )


def _tests_per_day(config: AgentConfig) -> float:
    speed = config.speed
    each = _DAY_S / speed.period_s if speed.period_s is not None else speed.tests_per_day
    return each * len(speed.engines)


def _packets_per_minute(config: AgentConfig) -> float:
    latency = config.latency
    return len(latency.targets) * latency.packets_count * _MINUTE_S / latency.period_s


def _queries_per_minute(config: AgentConfig) -> float:
    return len(config.dns.names) * len(config.dns.resolvers) * _MINUTE_S / config.dns.period_s


def _pages_per_minute(config: AgentConfig) -> float:
    return len(config.http.pages) * _MINUTE_S / config.http.period_s


def _month_mb(config: AgentConfig) -> float:
    return _or_endless(config.budget.month_mb)


def _most_month_mb(local: AgentConfig) -> float:
    return _or_endless(local.remote.max_month_mb or local.budget.month_mb)


def _or_endless(value: float | None) -> float:
    return float("inf") if value is None else value


def _fixed(most: float) -> Callable[[Any], float]:
    return lambda _local: most


_AMOUNTS: Final = (
    _Amount("speed tests a day, all engines", _tests_per_day, lambda local: local.remote.max_tests_per_day),
    _Amount("budget.month_mb", _month_mb, _most_month_mb),
    _Amount("latency packets a minute, all targets", _packets_per_minute, _fixed(PACKETS_PER_MINUTE)),
    _Amount("DNS queries a minute", _queries_per_minute, _fixed(QUERIES_PER_MINUTE)),
    _Amount("pages a minute", _pages_per_minute, _fixed(PAGES_PER_MINUTE)),
)
