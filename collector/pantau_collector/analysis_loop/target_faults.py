"""Which targets were at fault themselves, minute by minute: decided over a regency's providers, and kept.

Decided with what is there when five minutes are settled; hours and days, also when they are computed again,
are judged by it. Five-minute rows show what devices saw. Source: docs/sla.md.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.targets import at_fault
from pantau_collector.analysis_loop.windows import MINUTE_NS, Span
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from pantau_collector.analysis.rollup_tables import Grid, Measurements, Stays
    from pantau_collector.storage.base import Store

    Flags = NDArray[np.bool_]

SERIES = "target_fault"
Target = tuple[str, str]
"""What was probed, `testpoint` or `internet`, and its address."""
Probed = dict[Target, dict[str, tuple["Flags", "Flags"]]]
"""In which minutes of a grid devices of each provider asked a target, and were answered."""
_MINUTES = 5


def probed(latency: Measurements, stays: Stays, grid: Grid) -> Probed:
    """Return who asked which target beyond the gateway, in a grid."""
    found: Probed = defaultdict(dict)
    minute = (latency.time_ns - grid.since_ns) // MINUTE_NS
    stay = stays.of(latency.device, latency.time_ns)
    asked = (latency.numbers["sent_count"] > 0) & (minute >= 0) & (minute < grid.minute_count) & (stay >= 0)
    answered = latency.numbers["received_count"] > 0
    for at in np.flatnonzero(asked & ~latency.key_is(0, "gateway")).tolist():
        target = latency.keys[int(latency.key[at])][0], str(latency.texts["server"][at] or "")
        by_provider = found[target]
        provider = stays.all[int(stay[at])].provider
        if provider not in by_provider:
            by_provider[provider] = (_nothing(grid.minute_count), _nothing(grid.minute_count))
        by_provider[provider][0][minute[at]] = True
        by_provider[provider][1][minute[at]] |= bool(answered[at])
    return found


def rows(regency: str, parts: Iterable[Probed], grid: Grid) -> Iterator[SeriesRow]:
    """Yield a row for each five minutes in which a target was at fault; `parts` are of the whole regency."""
    for (target, server), by_provider in sorted(_together(parts).items()):
        asked, answered = (np.array([pair[place] for pair in by_provider.values()]) for place in (0, 1))
        faulty = at_fault(asked, answered)
        for number in np.unique(np.flatnonzero(faulty) // _MINUTES).tolist():
            minutes = faulty[number * _MINUTES : (number + 1) * _MINUTES]
            bits = sum(1 << place for place in np.flatnonzero(minutes).tolist())
            yield SeriesRow(
                SERIES,
                (regency, regency[:2], target, server),
                grid.since_ns + number * _MINUTES * MINUTE_NS,
                {"minute_count": int(minutes.sum()), "minute_bits": bits},
            )


def read(store: Store, regency: str, span: Span) -> dict[Target, list[int]]:
    """Return the minutes since 1970 in which each target was at fault."""
    found: dict[Target, list[int]] = defaultdict(list)
    where: Mapping[str, str] = {"regency": regency}
    for row in store.series(SERIES, since_ns=span.since_ns, until_ns=span.until_ns, where=where):
        first, bits = row.time_ns // MINUTE_NS, int(row.values.get("minute_bits", 0))
        found[row.tags[2], row.tags[3]] += [first + place for place in range(_MINUTES) if bits >> place & 1]
    return found


def faulty(latency: Measurements, known: Mapping[Target, list[int]]) -> Flags:
    """Return which measurements are of a target that was at fault then."""
    found = _nothing(len(latency))
    for (target, server), minutes in known.items():
        servers = np.array([(text or "") == server for text in latency.texts["server"]], dtype=bool)
        found |= latency.key_is(0, target) & servers & np.isin(latency.time_ns // MINUTE_NS, minutes)
    return found


def _together(parts: Iterable[Probed]) -> Probed:
    found: Probed = defaultdict(dict)
    for part in parts:
        for target, by_provider in part.items():
            for provider, (asked, answered) in by_provider.items():
                known = found[target].get(provider)
                found[target][provider] = (
                    (asked, answered) if known is None else (known[0] | asked, known[1] | answered)
                )
    return found


def _nothing(count: int) -> Flags:
    return np.zeros(count, dtype=bool)
