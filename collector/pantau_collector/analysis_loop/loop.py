"""The loop: under the lease `analysis`, closes windows, settles them, and recomputes what came late.

A five-minute window is computed twice: soon after its end, for who watches, and once more when nothing that
comes later can come unnoticed (the ingest marks what is older than `LIVE_NS`). Hours and days are computed
once, then. What is late after that dirties windows. Cursors move only after the rows that they stand for
are durable, and every row is computed whole, so whoever is killed leaves nothing that the next one does not
mend.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.alerts import Alerts
from pantau_collector.analysis_loop.cursors import Cursors, Placements
from pantau_collector.analysis_loop.month_work import MonthWork
from pantau_collector.analysis_loop.places import Places
from pantau_collector.analysis_loop.recomputing import Recomputing
from pantau_collector.analysis_loop.registry_rows import registry_rows
from pantau_collector.analysis_loop.silence import Silences
from pantau_collector.analysis_loop.surges.surges import Surges
from pantau_collector.analysis_loop.windows import (
    DAY_NS,
    HOUR_NS,
    MINUTE_NS,
    SECOND_NS,
    Span,
    floor_ns,
    length_ns,
    merged,
    offset_ns,
)
from pantau_collector.storage.series import LIVE_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pantau_collector.analysis_loop.recomputing import Result
    from pantau_collector.config import AnalysisConfig
    from pantau_collector.months.profile_file import ProfileSource
    from pantau_collector.notification.notices import Notice
    from pantau_collector.registry.file import RegistrySource
    from pantau_collector.registry.model import Registry
    from pantau_collector.storage.base import SeriesRow, Store
    from pantau_collector.storage.series import Window

log = structlog.get_logger()

_SETTLES_AFTER_NS = LIVE_NS + MINUTE_NS
_LATE_OVERLAP_NS = 2 * MINUTE_NS  # a mark may be written so long after its own time
_LATE_EVERY_NS = MINUTE_NS
_ROWS_OF_LATE = HOUR_NS  # of arrivals at once


class Analysis:
    """The work of one process. `breathe` is called between its parts, and may raise to end it.

    Without a `surge_path` it leaves surges alone; `notify` is told of those that begin, are felt and end.
    """

    def __init__(
        self,
        store: Store,
        registry: RegistrySource,
        profiles: ProfileSource,
        config: AnalysisConfig,
        *,
        breathe: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.time_ns,
        notify: Callable[[Sequence[Notice]], None] = lambda _: None,
    ) -> None:
        """Read how far the analysis came; raises `StoreUnavailableError`."""
        self._store, self._source, self._profiles, self._config = store, registry, profiles, config
        self._breathe, self._clock = breathe, clock
        self._cursors, self._placements = Cursors(store), Placements(store)
        self._places = Places(registry.get(), profiles.get())
        self._months = MonthWork(
            store, self._cursors, lambda regency: self._settled("1d", regency), self._pause
        )
        self._silences = Silences(store)
        self._alerts = Alerts(store, clock())
        path = config.surge_path
        self._surges = Surges(store, self._cursors, path, breathe, notify) if path is not None else None
        self._closed_ns = 0
        self._active: set[tuple[str, ...]] = set()
        self._followed: tuple[str, str] | None = None
        self._marks_done: set[tuple[str, int]] = set()

    def step(self) -> None:
        """Do all that is due now; raises `StoreUnavailableError`, and what `breathe` raises."""
        self._begin()
        self._close_live()
        self._follow_registry()
        self._settle_slots()
        for regency in self._places.regencies:
            self._settle("1h", regency)
            self._settle("1d", regency)
            self._months.follow(self._places, regency)
        self._take_late_marks()

    def _begin(self) -> None:
        """Begin with the oldest measurement that there is, on the first run of all."""
        if self._cursors.get("5m") is not None:
            return
        now_ns = self._clock()
        first_ns = min((one.first_time_ns for one in self._store.activity()), default=now_ns)
        self._placements.remember(self._placements.moved(self._places)[1])
        first_ns = floor_ns(min(max(first_ns, self._oldest_ns()), now_ns), "5m", 0)
        self._cursors.set("late", now_ns)
        self._cursors.set("begun", first_ns)
        self._cursors.set("5m", first_ns)

    @property
    def _begun_ns(self) -> int:
        """The first instant of the first window."""
        return self._cursors.get("begun") or 0

    def _oldest_ns(self) -> int:
        return max(0, self._clock() - int(self._config.recompute_days * DAY_NS))

    def _work(self) -> Recomputing:
        return self._recomputing(self._pause)

    def _recomputing(self, breathe: Callable[[], None]) -> Recomputing:
        return Recomputing(
            self._store,
            self._places,
            self._clock(),
            self._oldest_ns(),
            breathe=breathe,
            announce=self._surges.note if self._surges else None,
        )

    def _pause(self) -> None:
        """Between parts of longer work: look whether we may go on, and let the present go first."""
        self._breathe()
        self._close_live()

    # The present

    def _close_live(self) -> None:
        """Compute the newest window that is over; those that were missed are settled in their time."""
        now_ns = self._clock()
        end_ns = floor_ns(now_ns - int(self._config.grace_s * SECOND_NS), "5m", 0)
        if end_ns <= self._closed_ns:
            return
        self._closed_ns = end_ns
        work = self._recomputing(self._breathe)
        for regency in self._places.regencies:
            self._note(work.regency(regency, Span(end_ns - length_ns("5m"), end_ns), "5m"))
        registry = self._places.registry
        rows = self._silences.rows(registry, end_ns, now_ns)
        of_villages = [row for row in rows if row.series == "village_silence"]
        silent = {row.tags[0]: float(row.values["silent_minutes"]) for row in of_villages}
        rows += self._alerts.rows(self._places, silent, end_ns, silent)
        rows += self._registry_rows(registry, end_ns)
        writing.write(self._store, rows)
        if self._surges is not None:
            self._surges.step(self._places, end_ns, self._settled("5m", ""))

    def _registry_rows(self, registry: Registry, time_ns: int) -> list[SeriesRow]:
        """Return the registry every hour, and as soon as another device is active or stands elsewhere."""
        rows = list(registry_rows(registry, time_ns))
        active = {row.tags for row in rows}
        if active == self._active and time_ns % HOUR_NS:
            return []
        self._active = active
        return rows

    def _note(self, result: Result) -> None:
        self._silences.heard(result.last_heard_ns)
        self._alerts.observe(result.village_rows)

    # What can be settled

    def _settle_slots(self) -> None:
        """Settle five-minute windows, oldest first, an hour at once where many are due."""
        while True:
            position_ns = self._settled("5m", "")
            limit_ns = floor_ns(self._clock() - _SETTLES_AFTER_NS, "5m", 0)
            if position_ns >= limit_ns:
                return
            span = Span(position_ns, min(limit_ns, floor_ns(position_ns, "1h", 0) + HOUR_NS))
            gaps: dict[str, list[Span]] = {}
            work = self._work()
            for regency in self._places.regencies:
                found = work.regency(regency, span, "5m")
                self._note(found)
                gaps |= found.ended_gaps
            dirty = work.villages_of(gaps)
            work.dirty(dirty, self._begun_ns, self._settled)
            self._months.judge(self._places, dirty)
            self._cursors.set("5m", span.until_ns)

    def _settle(self, window: Window, regency: str) -> None:
        """Settle a regency's hours or days, one after the other."""
        while True:
            position_ns = self._settled(window, regency)
            until_ns = position_ns + length_ns(window)
            if until_ns > self._settled("5m", ""):
                return
            self._work().regency(regency, Span(position_ns, until_ns), window)
            self._cursors.set(_cursor(window, regency), until_ns)

    def _settled(self, window: Window, regency: str) -> int:
        """Return up to when the windows of a regency are settled, from the beginning on."""
        known = self._cursors.get(_cursor(window, regency))
        if known is None:
            known = floor_ns(max(self._begun_ns, self._oldest_ns()), window, offset_ns(regency))
            self._cursors.set(_cursor(window, regency), known)
        return known

    # What makes windows dirty

    def _follow_registry(self) -> None:
        """Recompute what a new version of the registry, or of the profiles, tells otherwise."""
        registry, book = self._source.get(), self._profiles.get()
        if (registry.version, book.version) == self._followed:
            return
        self._places = Places(registry, book)
        spans, rows = self._placements.moved(self._places)
        if rows:
            changed_count = self._work().dirty(spans, self._begun_ns, self._settled)
            self._months.judge(self._places, spans)
            log.info("analysis.moved", devices_count=len(rows), rows_count=changed_count)
            self._placements.remember(rows)
        self._followed = registry.version, book.version

    def _take_late_marks(self) -> None:
        """Recompute what came late, in the order of arrival."""
        while True:
            since_ns, now_ns = self._cursors.get("late") or 0, self._clock()
            if now_ns - since_ns < _LATE_EVERY_NS:
                return
            until_ns = min(since_ns + _ROWS_OF_LATE, now_ns)
            marks = self._store.series(
                "late", since_ns=max(0, since_ns - _LATE_OVERLAP_NS), until_ns=until_ns
            )
            fresh = [row for row in marks if (row.tags[0], row.time_ns) not in self._marks_done]
            spans: dict[str, list[Span]] = defaultdict(list)
            for row in fresh:
                spans[row.tags[0]].append(Span(int(row.values["since_ns"]), int(row.values["until_ns"]) + 1))
            self._recompute_late(spans)
            self._cursors.set("late", until_ns)
            self._marks_done = {
                (row.tags[0], row.time_ns) for row in marks if row.time_ns >= until_ns - _LATE_OVERLAP_NS
            }

    def _recompute_late(self, spans: Mapping[str, list[Span]]) -> None:
        work = self._work()
        around = {
            device: [work.around(device, span) for span in merged(some, apart_ns=HOUR_NS)]
            for device, some in sorted(spans.items())
        }
        begun_ns, dirty = self._begun_ns, work.villages_of(around)
        first_ns = min((span.since_ns for some in spans.values() for span in some), default=begun_ns)
        first_ns = floor_ns(max(first_ns, self._oldest_ns()), "5m", 0)
        if first_ns < begun_ns:  # from before the beginning: begin earlier, for everybody
            for village in self._places.registry.all_villages:
                dirty[village].append(Span(first_ns, begun_ns))
        changed_count = work.dirty(dirty, min(first_ns, begun_ns), self._settled)
        self._months.judge(self._places, dirty)
        self._cursors.set("begun", min(first_ns, begun_ns))
        if changed_count:
            log.info("analysis.late", devices_count=len(spans), rows_count=changed_count)


def _cursor(window: Window, regency: str) -> str:
    return window if window == "5m" else f"{window} {regency}"
