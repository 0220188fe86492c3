"""A regency whose months are known, in a store within a second: for all who test what is shown of months.

    store = SqliteStore(tmp_path / "pantau.db")
    months = world.filled(store)      # a MonthReader: three months of six villages of 33.10, one a KIND each
    months.villages("2026-08", "33.10")

The day rows are random within what a village's kind is like, and the same for the same seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis import delays
from pantau_collector.analysis.calendar import first_minute
from pantau_collector.analysis.days import TEST, DayRow, packed_states, speed_counts
from pantau_collector.analysis.profiles import from_mapping
from pantau_collector.analysis.states import State
from pantau_collector.analysis_loop.month_rows import MonthRows
from pantau_collector.months import dayrows
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.months.reading import StoredMonths
from pantau_collector.registry import areas
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.model import Placement, Registry
from pantau_collector.registry.timezones import zone_of
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.storage.base import Store

CONTRACT = from_mapping({"name": "default", "contracted_download_bps": 2e7, "contracted_upload_bps": 1e7})
BOOK = ProfileBook([CONTRACT], "book-1")
MONTHS = ("2026-06", "2026-07", "2026-08")
PROVIDERS = ("PT Angin", "PT Bintang")


@dataclass(frozen=True)
class Kind:
    """What a village is like: chances a day, means, and what its verdict comes out as."""

    verdict: str
    outage_minutes: int = 0
    on_minutes: int = 1440
    unknown_minutes: int = 0
    delay_ms: float = 35.0
    lost_ratio: float = 0.001
    download_bps: float = 21e6
    tests: int = 4


KINDS: dict[str, Kind] = {
    "good": Kind("pass"),
    "broken": Kind("fail", outage_minutes=200),
    "slow": Kind("fail", download_bps=11e6),
    "laggy": Kind("fail", delay_ms=140.0),
    "rare": Kind("insufficient_data", on_minutes=60),
    "in_doubt": Kind("inconclusive", unknown_minutes=90),
}
VILLAGES: dict[str, str] = {
    "33.10.01.2001": "good",
    "33.10.01.2002": "broken",
    "33.10.01.2003": "slow",
    "33.10.02.2001": "laggy",
    "33.10.02.2002": "rare",
    "33.10.02.2003": "in_doubt",
}
"""Village codes that exist, and the kind of each."""


@dataclass
class Fixed:
    """A registry, or a book of profiles, that does not change by itself."""

    held: Registry | ProfileBook

    def get(self) -> Registry | ProfileBook:
        return self.held


def registry(villages: Mapping[str, str] = VILLAGES) -> Registry:
    """One device in each village, of two providers in turn, there since 2025."""
    since_ns = first_minute(date(2025, 1, 1), zone_of("33")) * 60 * 10**9
    placements = [
        Placement(f"desa-{village}", village, since_ns, PROVIDERS[number % 2], traffic_source=True)
        for number, village in enumerate(villages)
    ]
    return Registry(placements, "registry-1")


def filled(
    store: Store,
    villages: Mapping[str, str] = VILLAGES,
    months: Sequence[str] = MONTHS,
    *,
    seed: int = 0,
) -> StoredMonths:
    """Fill a store with months of some villages (code to kind), and judge them; return what reads them."""
    for village, kind in villages.items():
        store.write_series(list(rows(village, KINDS[kind], months, seed=seed)))
    known = registry(villages)
    MonthRows(store, known, BOOK).refresh(villages, months)
    return StoredMonths(store, Fixed(known), Fixed(BOOK))  # type: ignore[arg-type]


def rows(
    village: str, kind: Kind, months: Sequence[str], *, seed: int = 0, profile: Profile = CONTRACT
) -> Iterator[SeriesRow]:
    """Yield the rows of `sla_day` and `sla_test` of a village, with two days before and after the months."""
    random_ = np.random.default_rng([seed, *map(ord, village)])
    first = date.fromisoformat(f"{min(months)}-01") - timedelta(days=2)
    last = (date.fromisoformat(f"{max(months)}-01") + timedelta(days=34)).replace(day=2)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        row = day_row(day, kind, random_, profile)
        yield dayrows.to_series(village, row)
        yield from _tests(village, row)


def day_row(day: date, kind: Kind, random_: np.random.Generator, profile: Profile = CONTRACT) -> DayRow:
    """Return a day of such a village."""
    states = np.full(1440, State.UP, dtype=np.uint8)
    states[kind.on_minutes :] = State.POWER_OFF
    for state, minutes in (
        (State.LINK_DOWN, kind.outage_minutes),
        (State.UNKNOWN, kind.unknown_minutes),
    ):
        begin = int(random_.integers(0, 1440 - minutes)) if minutes else 0
        states[begin : begin + minutes] = state
    up_count = int(np.count_nonzero(states == State.UP))
    p50_ms = random_.normal(kind.delay_ms, 4, up_count).clip(1)
    pdv_ms = (p50_ms / 5).clip(1)
    found = np.empty(kind.tests, dtype=TEST)
    found["second_of_day"] = np.sort(random_.integers(19 * 3600, 22 * 3600, kind.tests))
    found["download_bps"] = random_.normal(kind.download_bps, 1e6, kind.tests)
    found["upload_bps"] = random_.normal(1.1e7, 5e5, kind.tests)
    return DayRow(
        day=day,
        day_rules=profile.day_rules,
        states=packed_states(states, np.zeros(1440, dtype=bool)),
        latency_n=up_count,
        latency_k=int(np.count_nonzero(p50_ms <= profile.latency_max_ms)),
        latency_sum_ms=float(p50_ms.sum()),
        latency_histogram=delays.histogram(p50_ms),
        variation_n=up_count,
        variation_k=int(np.count_nonzero(pdv_ms <= profile.variation_max_ms)),
        variation_sum_ms=float(pdv_ms.sum()),
        variation_histogram=delays.histogram(pdv_ms),
        sent_count=20 * up_count,
        lost_count=int(20 * up_count * kind.lost_ratio),
        tests=found.tobytes(),
        **speed_counts(found, day, profile),
    )


def _tests(village: str, row: DayRow) -> Iterator[SeriesRow]:
    """Yield the day's counted tests, and one over Wi-Fi that does not count."""
    tags = (f"desa-{village}", *area_tags(village), "http")
    base_s = first_minute(row.day, zone_of(village)) * 60
    for test in np.frombuffer(row.tests, dtype=TEST):
        rates = {f"{way}_goodput_bps": float(test[f"{way}_bps"]) for way in ("download", "upload")}
        time_ns = (base_s + int(test["second_of_day"])) * 10**9
        yield SeriesRow("sla_test", tags, time_ns, {"counted": True, "why_not": "", **rates})
    wifi = {"counted": False, "why_not": "not_wired", "download_goodput_bps": 5e6, "upload_goodput_bps": 2e6}
    yield SeriesRow("sla_test", tags, (base_s + 12 * 3600) * 10**9, wifi)


def many(count: int, seed: int = 0) -> dict[str, str]:
    """Return so many villages of one regency, of kinds by chance: for tables and maps of some length."""
    random_ = random.Random(seed)
    codes = [
        village.code for district in areas.children("33.10") for village in areas.children(district.code)
    ]
    return {code: random_.choice(list(KINDS)) for code in codes[:count]}
