"""What is out of bounds now: the rows of `active_alerts`, from what the rollups and silences hold.

The conditions are those of Grafana's rules of the same names (`pantau_dashboards.alerting.village_kinds`),
so that one rule for a province may read this instead of one for each regency.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pantau_collector.analysis.rollup import quantile
from pantau_collector.analysis_loop.windows import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from pantau_collector.months.instants import local_day
from pantau_collector.months.villages import profiles_of
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import zone_of
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.storage.base import Store

SILENT_MINUTES = 60
LONG_OUTAGE_MINUTES = 5
LOSS_RATIO = 0.01
SPEED_RATIO = 0.8
SPEED_TESTS = 3
_DELAY_NS = 30 * MINUTE_NS
_REMEMBERED_NS = DAY_NS


class _Window(NamedTuple):
    """What the conditions want of a village's five minutes; None where there is none."""

    link_down_minutes: int
    sent: int
    received: int
    delay_ms: float | None
    tests: int
    download_bps: float | None
    upload_bps: float | None
    contracted_download_bps: float | None
    contracted_upload_bps: float | None


class Alerts:
    """The last day's five-minute rows, as far as they matter, and what is active."""

    def __init__(self, store: Store, now_ns: int) -> None:
        """Read the last day; raises `StoreUnavailableError`."""
        self._windows: dict[str, dict[int, _Window]] = defaultdict(dict)
        self.observe(store.series("village_5m", since_ns=max(0, now_ns - _REMEMBERED_NS), until_ns=now_ns))
        newest = store.series(
            "active_alerts", since_ns=max(0, now_ns - _REMEMBERED_NS), until_ns=now_ns, newest=1
        )
        self._since_s = {row.tags: float(row.values["since_s"]) for row in newest if row.values["active"]}

    def observe(self, rows: Iterable[SeriesRow]) -> None:
        """Take note of rows of `village_5m`; a row of the same window replaces the earlier one."""
        for row in rows:
            self._windows[row.tags[0]][row.time_ns] = _window(row.values)

    def rows(
        self, places: Places, silences: Mapping[str, float], time_ns: int, villages: Iterable[str]
    ) -> list[SeriesRow]:
        """Return a row for what is out of bounds at an instant, and for what has just ceased to be."""
        found: list[SeriesRow] = []
        since_s: dict[tuple[str, ...], float] = {}
        for village in villages:
            recent = self._recent(village, time_ns)
            for alert, value in _strengths(
                recent, silences.get(village), _delay_ms(places, village, time_ns), time_ns
            ):
                tags = (*area_tags(village), alert)
                since_s[tags] = self._since_s.get(tags, time_ns / SECOND_NS)
                found.append(_row(tags, time_ns, 1, since_s[tags], value))
        ended = sorted(self._since_s.keys() - since_s.keys())
        found += [_row(tags, time_ns, 0, self._since_s[tags], 0.0) for tags in ended]
        self._since_s = since_s
        return found

    def _recent(self, village: str, time_ns: int) -> dict[int, _Window]:
        known = self._windows[village]
        for old_ns in [start_ns for start_ns in known if start_ns < time_ns - _REMEMBERED_NS]:
            del known[old_ns]
        return known


def _window(values: Mapping[str, float | int | bool | str]) -> _Window:
    def number(name: str) -> float | None:
        return float(values[name]) if name in values else None

    return _Window(
        int(values.get("link_down_minute_count", 0)),
        int(values.get("sent_count", 0)),
        int(values.get("received_count", 0)),
        number("rtd_p50_ms"),
        int(values.get("counted_test_count", 0)),
        number("download_goodput_bps"),
        number("upload_goodput_bps"),
        number("contracted_download_bps"),
        number("contracted_upload_bps"),
    )


def _strengths(
    windows: Mapping[int, _Window], silent_minutes: float | None, delay_max_ms: float, time_ns: int
) -> Iterator[tuple[str, float]]:
    """Yield each alert whose condition holds, with how strong it is."""
    hour = [one for start_ns, one in windows.items() if start_ns >= time_ns - HOUR_NS]
    if silent_minutes is not None and silent_minutes > SILENT_MINUTES:
        yield "village_silent", silent_minutes
    down_minutes = sum(one.link_down_minutes for one in hour)
    if down_minutes > LONG_OUTAGE_MINUTES:
        yield "link_down", float(down_minutes)
    half = (one for start_ns, one in windows.items() if start_ns >= time_ns - _DELAY_NS)
    delays = [one.delay_ms for one in half if one.delay_ms is not None]
    if delays and sum(delays) / len(delays) > delay_max_ms:
        yield "delay", sum(delays) / len(delays)
    sent, received = sum(one.sent for one in hour), sum(one.received for one in hour)
    if received and 1 - received / sent > LOSS_RATIO:
        yield "loss", 1 - received / sent
    yield from _slow(windows)


def _slow(windows: Mapping[int, _Window]) -> Iterator[tuple[str, float]]:
    tested = [windows[start_ns] for start_ns in sorted(windows) if windows[start_ns].tests]
    if sum(one.tests for one in tested) < SPEED_TESTS:
        return
    ways: dict[str, tuple[Callable[[_Window], float | None], Callable[[_Window], float | None]]] = {
        "download": (lambda one: one.download_bps, lambda one: one.contracted_download_bps),
        "upload": (lambda one: one.upload_bps, lambda one: one.contracted_upload_bps),
    }
    for alert, (rate_of, contract_of) in ways.items():
        rates = [rate for rate in map(rate_of, tested) if rate is not None]
        contract = contract_of(tested[-1])
        if contract and rates and (reached := quantile(np.array(rates), 0.5) / contract) < SPEED_RATIO:
            yield alert, reached


def _delay_ms(places: Places, village: str, time_ns: int) -> float:
    """Return the bound of the village's profile."""
    day = local_day(time_ns, zone_of(village))
    return float(profiles_of(places.registry, places.book, village).on(day).latency_max_ms)


def _row(tags: tuple[str, ...], time_ns: int, active: int, since_s: float, value: float) -> SeriesRow:
    return SeriesRow("active_alerts", tags, time_ns, {"active": active, "value": value, "since_s": since_s})
