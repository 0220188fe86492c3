"""One regency's detector on its memory in a file, open for as long as bins are taken."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pantau_collector.analysis.surge import memory
from pantau_collector.analysis.surge.detector import Detector, Surroundings
from pantau_collector.analysis.surge.rules import BINS_PER_DAY
from pantau_collector.analysis.surge.scoring import log_rate
from pantau_collector.analysis_loop.surges import rows, sources
from pantau_collector.analysis_loop.surges.state import State
from pantau_collector.analysis_loop.surges.traffic import BIN_NS, DIRECTIONS, HOST, NOBODY, ROUTER, SOMEBODY
from pantau_collector.analysis_loop.windows import SECOND_NS, offset_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantau_collector.analysis_loop.surges.declared import Declared
    from pantau_collector.analysis_loop.surges.state import Folder
    from pantau_collector.analysis_loop.surges.traffic import Traffic
    from pantau_collector.storage.base import SeriesRow

REWIND_BINS = memory.REWIND_DAYS * BINS_PER_DAY
_FLUSH_BINS = 12
_WAYS = len(DIRECTIONS)


class Watch:
    """Takes bins of a regency's traffic, and may go back a week."""

    def __init__(
        self, folder: Folder, regency: str, state: State, mapped: memory.MappedFile, declared: Declared
    ) -> None:
        self.state = state
        self.newest_rows: list[SeriesRow] = []
        self._folder, self._regency, self._mapped, self._declared = folder, regency, mapped, declared
        count = len(state.villages)
        offset_s = offset_ns(regency) // SECOND_NS
        self._detector = Detector(
            Surroundings(
                np.repeat(np.arange(_WAYS, dtype=np.int32), count),
                np.full(_WAYS * count, offset_s, dtype=np.int32),
            ),
            mapped.memory,
            self._first_bins(),
        )

    @property
    def next_bin(self) -> int:
        """The bin that is to be taken next."""
        return self.state.newest + 1

    @property
    def oldest_bin(self) -> int:
        """So far back bins can be taken again."""
        return max(self.state.newest, self.state.furthest) + 1 - REWIND_BINS

    def rewind(self, bin_index: int) -> None:
        """Have this bin be the next one: not before the oldest, not after the newest."""
        self._mapped.memory.rewind(bin_index)
        for some in self.state.sources.values():
            sources.forget_since(some, bin_index)
        self._detector.first_bin[:] = self._first_bins()
        self.state.newest = bin_index - 1

    def judge(self, traffic: Traffic) -> list[SeriesRow]:
        """Take the next bins; return their rows of `surge`."""
        rate_bps, begun = self._of_the_source(traffic)
        found: list[SeriesRow] = []
        for at in range(traffic.bin_count):
            bin_index = traffic.first_bin + at
            for village, first_bin in begun.get(bin_index, ()):
                self._detector.first_bin[village :: len(self.state.villages)] = first_bin
            scores = self._detector.step(bin_index, rate_bps[at])
            surging = self._detector.in_surge(bin_index)
            starts = np.full(rate_bps.shape[1], -1, dtype=np.int64)
            starts[surging] = self._detector.surge_starts(bin_index, surging)
            one = rows.Bin(
                bin_index,
                rate_bps[at],
                traffic.contracted_bps[at],
                traffic.counter[at] == ROUTER,
                traffic.registered[at],
                starts,
            )
            found += rows.rows_of(one, self.state.villages, scores)
        self.state.newest = traffic.first_bin + traffic.bin_count - 1
        self.state.furthest = max(self.state.furthest, self.state.newest)
        newest_ns = self.state.newest * BIN_NS
        self.newest_rows = [row for row in found if row.time_ns == newest_ns]
        return found

    def regional_starts(self) -> tuple[int, ...]:
        """Return since which bin the regency as a whole has surged, for each direction; -1 for not."""
        return tuple(self._detector.regional_surge_starts(self.state.newest).tolist())

    def remember(self, traffic: Traffic) -> None:
        """Take whole days as history only."""
        rate_bps, begun = self._of_the_source(traffic)
        for village, first_bin in (one for some in begun.values() for one in some):
            self._detector.first_bin[village :: len(self.state.villages)] = first_bin
        logs = log_rate(rate_bps)
        for at in range(0, traffic.bin_count, BINS_PER_DAY):
            day = (traffic.first_bin + at) // BINS_PER_DAY
            self._mapped.memory.rates.put_day(day, logs[at : at + BINS_PER_DAY])
        self.state.newest = self.state.furthest = traffic.first_bin + traffic.bin_count - 1

    def remember_level(self) -> None:
        """Know how high the last day was, from what was remembered."""
        self._detector.remember_level(self.next_bin)

    def amend(self, traffic: Traffic) -> None:
        """Put bins that are too old to be judged again into the history."""
        count = len(self.state.villages)
        for number, village in enumerate(self.state.villages):
            known = self.state.sources.setdefault(village, [])
            for at in np.flatnonzero(traffic.counter[:, number])[::-1].tolist():
                bin_index = traffic.first_bin + at
                device = self._declared.at(village, bin_index)
                if sources.heard_earlier(known, bin_index, device, int(traffic.counter[at, number])):
                    for series in (number, count + number):
                        log = float(log_rate(traffic.rate_bps[at, series]))
                        self._mapped.memory.rates.amend(bin_index, series, log)
        self._detector.first_bin[:] = self._first_bins()

    def save(self) -> None:
        """Keep how far we are; once an hour have the memory on the disk, too. Raises `OSError`."""
        if self.state.newest - self.state.synced >= _FLUSH_BINS or self.state.newest < self.state.synced:
            self._mapped.flush()
            self.state.synced = self.state.newest
        self._folder.save(self._regency, self.state)

    def _first_bins(self) -> NDArray[np.int64]:
        of_villages = [
            sources.first_bin(self.state.sources.get(village, ())) for village in self.state.villages
        ]
        return np.tile(np.array(of_villages, dtype=np.int64), _WAYS)

    def _of_the_source(
        self, traffic: Traffic
    ) -> tuple[NDArray[np.float64], dict[int, list[tuple[int, int]]]]:
        """Return the rates that are the villages' own, and which villages' history begins in which bin."""
        own = np.zeros(traffic.counter.shape, dtype=bool)
        begun: dict[int, list[tuple[int, int]]] = defaultdict(list)
        last_bin = traffic.first_bin + traffic.bin_count - 1
        for number, village in enumerate(self.state.villages):
            counter = traffic.counter[:, number]
            known = self.state.sources.setdefault(village, [])
            device = self._declared.throughout(village, traffic.first_bin, last_bin)
            if known and known[-1].device == device:  # nearly always
                usual = ROUTER if known[-1].router else HOST
                if known[-1].router or (known[-1].router is False and not (counter == ROUTER).any()):
                    own[:, number] = (counter == usual) | (counter == SOMEBODY)
                    continue
            for at in np.flatnonzero(counter != NOBODY).tolist():
                bin_index, before = traffic.first_bin + at, len(known)
                device = self._declared.at(village, bin_index)
                own[at, number] = sources.heard(known, bin_index, device, int(counter[at]))
                if len(known) > before and known[-1].anew:
                    begun[bin_index].append((number, bin_index))
        return np.where(np.concatenate([own] * _WAYS, axis=1), traffic.rate_bps, np.nan), begun


def opened(folder: Folder, regency: str, villages: Sequence[str], declared: Declared) -> Watch | None:
    """Return the regency's watch, with room for all villages, or None where nothing is known of it.

    Its pages go with it. Raises `OSError`.
    """
    state = folder.load(regency)
    if state is None:
        return None
    if not set(villages) <= set(state.villages):
        state = _with_room(folder, regency, state, villages)
    return _watch(folder, regency, state, declared)


def begun(folder: Folder, regency: str, villages: Sequence[str], declared: Declared, first_bin: int) -> Watch:
    """Return a watch that knows nothing yet, and begins with a bin; raises `OSError`."""
    state = State(list(villages), folder.new_file(regency), first_bin - 1, first_bin - 1)
    memory.create(folder.file(state), _WAYS * len(villages), _WAYS)
    folder.sweep(regency, [state.file])
    return _watch(folder, regency, state, declared, newest=None)


_SAME = object()


def _watch(folder: Folder, regency: str, state: State, declared: Declared, newest: object = _SAME) -> Watch:
    at = state.newest if newest is _SAME else None
    mapped = memory.MappedFile(folder.file(state), _WAYS * len(state.villages), _WAYS, at)
    return Watch(folder, regency, state, mapped, declared)


def _with_room(folder: Folder, regency: str, state: State, villages: Sequence[str]) -> State:
    """Return the state with room for more villages, in a new file."""
    wanted = sorted({*state.villages, *villages})
    places = np.searchsorted(np.array(wanted), np.array(state.villages))
    grown = msgspec.structs.replace(
        state, villages=wanted, file=folder.new_file(regency), synced=state.newest
    )
    memory.create(folder.file(grown), _WAYS * len(wanted), _WAYS)
    old = memory.MappedFile(folder.file(state), _WAYS * len(state.villages), _WAYS, state.newest)
    new = memory.MappedFile(folder.file(grown), _WAYS * len(wanted), _WAYS, state.newest)
    memory.grow(old, new, np.concatenate([places, len(wanted) + places]))
    new.flush()
    folder.save(regency, grown)
    folder.sweep(regency, [grown.file])
    return grown
