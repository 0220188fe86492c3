"""Recomputes what is asked for, from raw measurements up to regencies, and replaces what was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_collector.analysis_loop import computing, sla_days, target_faults, writing
from pantau_collector.analysis_loop.reading import Reader
from pantau_collector.analysis_loop.windows import (
    HOUR_NS,
    MINUTE_NS,
    WINDOWS,
    Span,
    covering,
    floor_ns,
    grids,
    merged,
    offset_ns,
)
from pantau_collector.months import dayrows, maintenance
from pantau_collector.registry.codes import REGENCY_LENGTH
from pantau_collector.storage.series import ROLLED_UP, Window, rollup_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pantau_collector.analysis.rollup_tables import Grid
    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.analysis_loop.writing import Change
    from pantau_collector.storage.base import SeriesRow, Store

_AROUND_NS = 3 * MINUTE_NS
"""A measurement has a say in the minutes around it: gaps of two minutes, numbers, wired tests."""


@dataclass(slots=True)
class Result:
    """What came of a recomputation: village rows, gaps that ended in it, when each device was last heard."""

    village_rows: list[SeriesRow] = field(default_factory=list)
    ended_gaps: dict[str, list[Span]] = field(default_factory=dict)
    last_heard_ns: dict[str, int] = field(default_factory=dict)
    changed_count: int = 0
    probed: list[target_faults.Probed] = field(default_factory=list)

    def add(self, other: Result) -> None:
        """Take over what another part came to."""
        self.village_rows += other.village_rows
        self.ended_gaps |= other.ended_gaps
        for device, time_ns in other.last_heard_ns.items():
            self.last_heard_ns[device] = max(time_ns, self.last_heard_ns.get(device, 0))
        self.changed_count += other.changed_count


class Recomputing:
    """One store and one version of the registry. `breathe` is called between parts, and may raise.

    `announce` is told which rows will change, before they do.
    """

    def __init__(
        self,
        store: Store,
        places: Places,
        now_ns: int,
        oldest_ns: int,
        *,
        breathe: Callable[[], None] = lambda: None,
        announce: Callable[[Iterable[Change]], None] | None = None,
    ) -> None:
        self._announce = announce
        self._store = store
        self._places = places
        self._reader = Reader(store, now_ns, oldest_ns)
        self._oldest_ns = oldest_ns
        self._breathe = breathe

    def regency(self, regency: str, span: Span, window: Window) -> Result:
        """Recompute all windows of a whole regency in a span of whole windows."""
        found = Result()
        for grid in grids(span, window):
            part = Span(grid.since_ns, grid.until_ns)
            of_villages = self.villages(self._places.villages_of(regency), part, window)
            found.add(of_villages)
            if window == "5m":
                rows = list(target_faults.rows(regency, of_villages.probed, grid))
                where = {"regency": [regency]}
                found.changed_count += writing.replace(self._store, [target_faults.SERIES], part, where, rows)
            found.changed_count += self._regency_rows(regency, part, window)
        return found

    def villages(self, villages: Sequence[str], span: Span, window: Window) -> Result:
        """Recompute windows of some villages, and of the devices that stood there."""
        names = [rollup_name(kind, window) for kind in (*ROLLED_UP, "village")]
        announced = maintenance.standing(self._store) if window == "1d" else []
        result = Result()
        for grid in grids(span, window):
            faults = self._faults(villages, grid, window)
            for part in computing.parts(villages, self._places, grid):
                found = computing.compute(
                    self._reader, self._places, part, grid, window, announced=announced, faults=faults
                )
                where = Span(grid.since_ns, grid.until_ns)
                result.changed_count += writing.replace(
                    self._store,
                    names,
                    where,
                    {"village": part},
                    found.rows,
                    announce=self._announce,
                )
                if window == "1d":
                    result.changed_count += self._days(part, where, found.day_rows)
                result.village_rows += [row for row in found.rows if row.series == names[-1]]
                result.ended_gaps |= {device: [gap] for device, gap in found.ended_gaps.items()}
                result.last_heard_ns |= found.last_heard_ns
                result.probed.append(found.probed)
                self._breathe()
        return result

    def _faults(
        self, villages: Sequence[str], grid: Grid, window: Window
    ) -> Mapping[target_faults.Target, list[int]]:
        """Return when targets were at fault in the regency of these villages, around a grid."""
        if window == "5m" or not villages:
            return {}
        span = Span(max(0, grid.since_ns - HOUR_NS), grid.until_ns + HOUR_NS)
        return target_faults.read(self._store, villages[0][:REGENCY_LENGTH], span)

    def _days(self, villages: Sequence[str], day: Span, rows: Sequence[SeriesRow]) -> int:
        """Put the rows that months rest on in place, but of days whose measurements are no longer here.

        Such days were imported, or the store has dropped what they were computed from.
        """
        where = {"village": villages}
        there = self._store.series(dayrows.SERIES, since_ns=day.since_ns, until_ns=day.until_ns, where=where)
        told = {row.tags[0] for row in rows if row.series == dayrows.SERIES and sla_days.says_something(row)}
        kept = {
            row.tags[0]
            for row in there
            if sla_days.says_something(row)
            and row.tags[0] not in told
            and not self._measured(row.tags[0], day)
        }
        others = [village for village in villages if village not in kept]
        mine = [row for row in rows if row.tags[row.series == "sla_test"] not in kept]
        return writing.replace(self._store, sla_days.SERIES, day, {"village": others}, mine)

    def _measured(self, village: str, day: Span) -> bool:
        """Return whether anything is here that a village's devices measured until the end of a day."""
        return any(
            self._reader.before(device, day.until_ns) is not None
            for device in self._places.registry.ever_in(village)
        )

    def around(self, device: str, span: Span) -> Span:
        """Return the span in which a device's states may depend on its measurements of a span."""
        before_ns = self._reader.before(device, span.since_ns - _AROUND_NS)
        after_ns = self._reader.after([device], span.until_ns + _AROUND_NS).get(device)
        since_ns, until_ns = span.since_ns - _AROUND_NS, span.until_ns + _AROUND_NS
        return Span(
            max(self._oldest_ns, since_ns if before_ns is None else before_ns - before_ns % MINUTE_NS),
            until_ns if after_ns is None else after_ns + MINUTE_NS,
        )

    def villages_of(self, spans: Mapping[str, Iterable[Span]]) -> dict[str, list[Span]]:
        """Return in which villages devices stood in those spans, and when."""
        found: dict[str, list[Span]] = defaultdict(list)
        for device, some in spans.items():
            for village, stood in self._places.stood(device):
                for span in some:
                    both = Span(max(span.since_ns, stood.since_ns), min(span.until_ns, stood.until_ns))
                    if both.since_ns < both.until_ns:
                        found[village].append(both)
        return found

    def dirty(
        self, spans: Mapping[str, Sequence[Span]], begun_ns: int, settled: Callable[[Window, str], int]
    ) -> int:
        """Recompute the settled windows of villages that touch the spans; return how many rows changed.

        There are no windows before `begun_ns`. `settled` says up to when those of an area were computed;
        later ones will be in their time.
        """
        return sum(
            self._dirty_regency(regency, window, some, Span(begun_ns, settled(window, regency)))
            for regency, some in _by_regency(spans).items()
            for window in WINDOWS
        )

    def _dirty_regency(
        self, regency: str, window: Window, spans: Mapping[str, Sequence[Span]], computed: Span
    ) -> int:
        offset = offset_ns(regency)
        whole_ns = covering(Span(self._oldest_ns - 1, self._oldest_ns), window, offset).until_ns
        oldest_ns = max(whole_ns, floor_ns(computed.since_ns, window, offset))
        alike: dict[Span, list[str]] = defaultdict(list)
        for village, some in spans.items():
            whole = merged(covering(span, window, offset) for span in some)
            for since_ns, until_ns in whole:
                span = Span(max(since_ns, oldest_ns), min(until_ns, computed.until_ns))
                if span.since_ns < span.until_ns:
                    alike[span].append(village)
        changed_count = 0
        for span, villages in sorted(alike.items()):
            changed_count += self.villages(sorted(villages), span, window).changed_count
        for span in merged(alike):
            changed_count += self._regency_rows(regency, span, window)
        return changed_count

    def _regency_rows(self, regency: str, span: Span, window: Window) -> int:
        """Recompute a regency's rows from those of its villages."""
        changed_count = 0
        for grid in grids(span, window):
            part, where = Span(grid.since_ns, grid.until_ns), {"regency": [regency]}
            rows = self._store.series(
                rollup_name("village", window), since_ns=part.since_ns, until_ns=part.until_ns, where=where
            )
            changed_count += writing.replace(
                self._store,
                [rollup_name("regency", window)],
                part,
                where,
                computing.regency_rows(rows, window),
            )
        return changed_count


def _by_regency(spans: Mapping[str, Sequence[Span]]) -> dict[str, dict[str, Sequence[Span]]]:
    found: dict[str, dict[str, Sequence[Span]]] = defaultdict(dict)
    for village, some in spans.items():
        found[village[:REGENCY_LENGTH]][village] = some
    return dict(sorted(found.items()))
