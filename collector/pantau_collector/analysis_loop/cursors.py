"""How far the analysis has come, and which placements it rests on: kept in the store."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.windows import Span, merged
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from pantau_collector.analysis_loop.places import Places
    from pantau_collector.storage.base import Store

_CURSORS, _PLACEMENTS = "analysis_cursor", "analysis_placement"
_AT_NS = 0  # one row each, replaced whenever it changes


class Cursors:
    """Instants by name (ns since 1970), each of them durable when `set` returns."""

    def __init__(self, store: Store) -> None:
        """Read what there is; raises `StoreUnavailableError`."""
        self._store = store
        self._known = {row.tags[0]: int(row.values["position_ns"]) for row in store.series(_CURSORS)}

    def get(self, name: str) -> int | None:
        """Return a position, or None where there is none yet."""
        return self._known.get(name)

    def beginning_with(self, prefix: str) -> dict[str, int]:
        """Return the positions above 0 of all names that begin so, by the rest of the name."""
        return {
            name.removeprefix(prefix): position_ns
            for name, position_ns in sorted(self._known.items())
            if name.startswith(prefix) and position_ns
        }

    def set(self, name: str, position_ns: int) -> None:
        """Keep a position, unless it is kept already."""
        if self._known.get(name) != position_ns:
            self._store.write_series([SeriesRow(_CURSORS, (name,), _AT_NS, {"position_ns": position_ns})])
            self._known[name] = position_ns


class _Stood(msgspec.Struct, frozen=True, array_like=True):
    """A device counted for a village in a span of slots (ns)."""

    village: str
    since_ns: int
    until_ns: int
    traffic_source: bool
    terms: str
    networks: tuple[str, ...] = ()
    provider: str = ""


class Placements:
    """The placements that the stored rollups rest on."""

    def __init__(self, store: Store) -> None:
        """Read what there is; raises `StoreUnavailableError`."""
        self._store = store
        self._known = {row.tags[0]: str(row.values["history"]) for row in store.series(_PLACEMENTS)}

    def moved(self, places: Places) -> tuple[dict[str, list[Span]], list[SeriesRow]]:
        """Return when registry or profiles say otherwise of each village, and what `remember` keeps."""
        dirty: dict[str, list[Span]] = {}
        rows: list[SeriesRow] = []
        for device in sorted({*places.registry.devices, *self._known}):
            text = _history(places, device)
            if text != self._known.get(device):
                for village, span in _differences(_read(self._known.get(device, "[]")), _read(text)):
                    dirty.setdefault(village, []).append(span)
                rows.append(SeriesRow(_PLACEMENTS, (device,), _AT_NS, {"history": text}))
        return {village: merged(spans) for village, spans in dirty.items()}, rows

    def remember(self, rows: list[SeriesRow]) -> None:
        """Keep what the rollups rest on from now on."""
        writing.write(self._store, rows)
        self._known |= {row.tags[0]: str(row.values["history"]) for row in rows}


def _history(places: Places, device: str) -> str:
    stood = [
        _Stood(
            one.village, *one.span, one.traffic_source, one.terms, tuple(sorted(one.networks)), one.provider
        )
        for one in places.standings(device)
    ]
    return msgspec.json.encode(stood).decode()


def _read(text: str) -> list[_Stood]:
    return msgspec.json.decode(text, type=list[_Stood])


def _differences(old: list[_Stood], new: list[_Stood]) -> list[tuple[str, Span]]:
    """Return where and when one history says otherwise than the other."""
    edges = sorted({instant for one in (*old, *new) for instant in (one.since_ns, one.until_ns)})
    found = []
    for since_ns, until_ns in itertools.pairwise(edges):
        before, after = _at(old, since_ns), _at(new, since_ns)
        if before != after:
            found += [(one.village, Span(since_ns, until_ns)) for one in (before, after) if one is not None]
    return found


def _at(history: list[_Stood], time_ns: int) -> _Stood | None:
    """Return what held at an instant, without when it did."""
    found = (one for one in history if one.since_ns <= time_ns < one.until_ns)
    return next((msgspec.structs.replace(one, since_ns=0, until_ns=0) for one in found), None)
