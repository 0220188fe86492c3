"""Surges from the store: those of now, a village's past, and how its line fares meanwhile."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.months.instants import local_day
from pantau_collector.months.villages import profiles_of
from pantau_collector.registry.timezones import zone_of
from pantau_collector.surges.model import SECOND_NS, Felt, Surge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.months.profile_book import ProfileBook
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import Store

BIN_NS = 300 * SECOND_NS
_NOW_NS = 3 * BIN_NS
_DELAY_NS = 1800 * SECOND_NS
_LOSS_NS = 3600 * SECOND_NS
_FELT = ("village", "time_ns", "device_count", "rtd_p50_ms", "sent_count", "received_count")


def newest(store: Store, now_ns: int, where: Mapping[str, str | Sequence[str]] | None = None) -> list[Surge]:
    """Return each village's and direction's newest row, of the last quarter of an hour."""
    rows = store.series("surge", since_ns=max(0, now_ns - _NOW_NS), until_ns=now_ns + 1, where=where)
    last = {row.tags: row for row in rows}  # in order of time
    return [Surge.of(row) for row in last.values()]


def ongoing(found: Iterable[Surge]) -> list[Surge]:
    """Return those that surge, the strongest first."""
    return sorted(
        (one for one in found if one.since_s is not None), key=lambda one: (-(one.ratio or 0), one.village)
    )


def past(store: Store, village: str, since_ns: int, until_ns: int) -> dict[str, list[Surge]]:
    """Return a village's rows by direction, oldest first."""
    found: dict[str, list[Surge]] = {"rx": [], "tx": []}
    rows = store.series("surge", since_ns=since_ns, until_ns=until_ns, where={"village": village})
    for one in map(Surge.of, rows):
        found[one.direction].append(one)
    return found


def felt(
    store: Store, villages: Sequence[str], until_ns: int, profile_of: Callable[[str], Profile]
) -> dict[str, Felt]:
    """Return how villages' lines fare: mean delay of half an hour, loss of an hour, as alerts have it."""
    if not villages:
        return {}
    columns = store.series_columns(
        "village_5m",
        _FELT,
        since_ns=max(0, until_ns - _LOSS_NS),
        until_ns=until_ns,
        where={"village": villages},
    )
    delays: dict[str, list[float]] = defaultdict(list)
    probes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for village, time_ns, _, delay_ms, sent, received in zip(*(columns[name] for name in _FELT), strict=True):
        if delay_ms is not None and time_ns >= until_ns - _DELAY_NS:
            delays[village].append(float(delay_ms))
        probes[village][0] += sent or 0
        probes[village][1] += received or 0
    return {village: _felt(delays[village], probes[village], profile_of(village)) for village in villages}


def profile_of(registry: Registry, book: ProfileBook, now_ns: int) -> Callable[[str], Profile]:
    """Return what returns a village's SLA profile of today."""

    def find(village: str) -> Profile:
        return profiles_of(registry, book, village).on(local_day(now_ns, zone_of(village)))

    return find


def _felt(delays: Sequence[float], probes: Sequence[int], profile: Profile) -> Felt:
    sent, received = probes
    return Felt(
        sum(delays) / len(delays) if delays else None,
        1 - received / sent if sent else None,
        float(profile.latency_max_ms),
        profile.loss_max_ratio,
    )
