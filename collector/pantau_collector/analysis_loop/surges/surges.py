"""The live loop of surges: regency by regency from where it stands to now, and again from where rows changed.

How far a regency's rows of `surge` are right is a cursor in the store. It goes back before a village's row
changes that they rest on, and forward when they are written. So whoever is killed, and whatever comes late,
the rows end up as if everything had been known from the start; what is older than a week goes into the
history only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from pantau_collector.analysis.surge.rules import BINS_PER_DAY, BINS_PER_HOUR
from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.surges import rebuilding, telling, traffic, watch
from pantau_collector.analysis_loop.surges.declared import Declared
from pantau_collector.analysis_loop.surges.state import Folder
from pantau_collector.analysis_loop.surges.traffic import BIN_NS
from pantau_collector.analysis_loop.windows import Span
from pantau_collector.registry.codes import REGENCY_LENGTH
from pantau_collector.surges import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pantau_collector.analysis_loop.cursors import Cursors
    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.analysis_loop.surges.watch import Watch
    from pantau_collector.analysis_loop.writing import Change
    from pantau_collector.notification.notices import Notice
    from pantau_collector.storage.base import SeriesRow, Store

log = structlog.get_logger()

_UNSETTLED_BINS = 4
"""So many bins may be known only as they are live; where more are not settled there is a backlog."""
_AT_ONCE_BINS = 2 * BINS_PER_HOUR
_DEEP_BINS = BINS_PER_HOUR
_DEEP_EVERY_BINS = BINS_PER_HOUR // 2
_VILLAGE_ROWS = "village_5m"


class Surges:
    """The surges of all regencies. `breathe` is called between parts of the work, and may raise."""

    def __init__(
        self,
        store: Store,
        cursors: Cursors,
        path: Path,
        breathe: Callable[[], None],
        notify: Callable[[Sequence[Notice]], None] = lambda _: None,
    ) -> None:
        self._store, self._cursors, self._breathe, self._notify = store, cursors, breathe, notify
        self._folder = Folder(path)
        self._went_back: dict[str, int] = {}
        self._trouble = ""

    def note(self, changes: Iterable[Change]) -> None:
        """Go back where rows of villages are about to change that surges rest on."""
        earliest: dict[str, int] = {}
        for before, after in changes:
            row = after or before
            if row is not None and row.series == _VILLAGE_ROWS and _matters(before, after):
                regency, bin_index = row.tags[0][:REGENCY_LENGTH], row.time_ns // BIN_NS
                earliest[regency] = min(bin_index, earliest.get(regency, bin_index))
        for regency, bin_index in earliest.items():
            known_ns = self._cursors.get(_cursor(regency))
            if known_ns is not None and bin_index * BIN_NS < known_ns:
                self._cursors.set(_cursor(regency), bin_index * BIN_NS)

    def step(self, places: Places, end_ns: int, settled_ns: int) -> None:
        """Do what is due; the rows of villages are settled up to an instant, and known up to the end.

        Raises `StoreUnavailableError`, and what `breathe` raises.
        """
        end_bin = end_ns // BIN_NS
        is_live = settled_ns // BIN_NS >= end_bin - _UNSETTLED_BINS
        if not is_live:
            end_bin = settled_ns // BIN_NS
        by_hours = len(places.registry.all_villages) > rebuilding.FEW_VILLAGES
        try:
            for regency in places.regencies:
                known = self._regency(regency, places, end_bin, by_hours=by_hours)
                if is_live and known.newest_rows:
                    self._tell(known, regency, places, end_ns)
                self._breathe()
        except OSError as error:
            self._changed(f"{self._folder}: {error.strerror or error}")
        else:
            self._changed("")

    def _regency(self, regency: str, places: Places, end_bin: int, *, by_hours: bool) -> Watch:
        villages = places.villages_of(regency)
        declared = Declared(places.registry, villages)
        known = watch.opened(self._folder, regency, villages, declared)
        if known is not None and end_bin - known.next_bin <= watch.REWIND_BINS:
            self._go_on(known, regency, end_bin)
            return known
        first_bin = self._first_bin(regency, end_bin, by_hours=by_hours)
        new = watch.begun(self._folder, regency, villages, declared, rebuilding.first_needed(first_bin))
        rebuilding.rebuild(new, self._store, first_bin, by_hours=by_hours, breathe=self._breathe)
        new.save()
        log.info("surge.rebuilt", regency=regency, villages_count=len(villages))
        self._take(new, regency, end_bin)
        return new

    def _tell(self, known: Watch, regency: str, places: Places, end_ns: int) -> None:
        """Tell of what began, is felt and ended; the state keeps what was told, after it was."""
        before = dict(known.state.told)
        surges = telling.ongoing(known.newest_rows, known.regional_starts())
        profile_of = reading.profile_of(places.registry, places.book, end_ns)
        notices = telling.tell(
            regency,
            surges,
            known.state.told,
            lambda villages: reading.felt(self._store, villages, end_ns, profile_of),
        )
        if known.state.told != before:
            self._notify(notices)
            known.save()

    def _first_bin(self, regency: str, end_bin: int, *, by_hours: bool) -> int:
        """Return from where on a regency is judged of which nothing is known here."""
        position_ns = self._cursors.get(_cursor(regency))
        if position_ns is not None:
            return min(max(position_ns // BIN_NS, end_bin - watch.REWIND_BINS), end_bin)
        return end_bin if by_hours else end_bin - BINS_PER_DAY

    def _go_on(self, known: Watch, regency: str, end_bin: int) -> None:
        """Judge what is new, and first again what has changed; what lies deep not each time."""
        position_ns = self._cursors.get(_cursor(regency))
        changed = known.next_bin if position_ns is None else min(position_ns // BIN_NS, known.next_bin)
        deep = changed < known.next_bin - _DEEP_BINS
        if deep and end_bin - self._went_back.get(regency, 0) < _DEEP_EVERY_BINS:
            self._take(known, regency, end_bin, keep_cursor=True)
            return
        if deep:
            self._went_back[regency] = end_bin
        if changed < known.oldest_bin:
            self._amend(known, changed, known.oldest_bin)
            changed = known.oldest_bin
        if changed < known.next_bin:
            known.rewind(changed)
        self._take(known, regency, end_bin)

    def _amend(self, known: Watch, first_bin: int, end_bin: int) -> None:
        first_bin = max(first_bin, rebuilding.first_needed(known.next_bin))
        for at in range(end_bin, first_bin, -BINS_PER_DAY):
            known.amend(
                traffic.read(self._store, known.state.villages, max(first_bin, at - BINS_PER_DAY), at)
            )
            self._breathe()

    def _take(self, known: Watch, regency: str, end_bin: int, *, keep_cursor: bool = False) -> None:
        """Judge bin after bin, some hours at once, and write what came of it."""
        while known.next_bin < end_bin:
            first_bin = known.next_bin
            last = min(first_bin + _AT_ONCE_BINS, end_bin)
            rows = known.judge(traffic.read(self._store, known.state.villages, first_bin, last))
            self._write(known.state.villages, first_bin, last, rows)
            known.save()
            if not keep_cursor:
                self._cursors.set(_cursor(regency), last * BIN_NS)
            self._breathe()

    def _write(self, villages: list[str], first_bin: int, end_bin: int, rows: list[SeriesRow]) -> None:
        span = Span(first_bin * BIN_NS, end_bin * BIN_NS)
        writing.replace(self._store, ["surge"], span, {"village": villages}, rows)

    def _changed(self, trouble: str) -> None:
        """Log the transition, not each attempt."""
        if bool(trouble) != bool(self._trouble):
            if trouble:
                log.error("surge.state_unusable", reason=trouble)
            else:
                log.info("surge.state_usable")
        self._trouble = trouble


def _matters(before: SeriesRow | None, after: SeriesRow | None) -> bool:
    """Return whether a change of a village's row changes its surges."""
    old, new = (row.values if row is not None else {} for row in (before, after))
    return any(old.get(name) != new.get(name) for name in traffic.COLUMNS)


def _cursor(regency: str) -> str:
    return f"surge {regency}"
