"""Raw measurements and deliveries, as the collector would have stored them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_demo.fleet import identity, watching
from pantau_wire import ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_demo.fleet.history.files import Folder
    from pantau_demo.fleet.history.past import Past
    from pantau_demo.fleet.observations import Table

_STAMP = ("device", "time_ns", "spool", "seq", "boot", "uptime_ns", "clock")
_DELIVERY = ("device", "spool", "first_seq", "last_seq", "state", "at_ns", "reason")


def write_points(folder: Folder, of: Past, from_minute: int) -> None:
    """Write what was measured from a minute on, and all speed tests, which are kept for ever."""
    clocks = watching.clocks(of.scene.block, of.scene.track)
    for table in of.tables:
        wanted = of.scene.block.minute[table.at] >= from_minute
        kept = table if table.kind == "speed" else table.taken(wanted)
        if len(kept.row):
            stamps = _stamps(of, kept, clocks[kept.row, kept.at].tolist())
            rows = ((*stamp, *values) for stamp, values in zip(stamps, kept.rows(), strict=True))
            folder.write("points", kept.kind, (*_STAMP, *kept.columns), rows)


def write_deliveries(folder: Folder, of: Past, from_minute: int) -> None:
    """Write which numbers arrived, those before a minute by themselves, and which a faulty card lost."""
    folder.write("deliveries", "delivery", _DELIVERY, _deliveries(of, from_minute))


def _stamps(of: Past, table: Table, clocks: list[str]) -> Iterator[tuple[Any, ...]]:
    population, block, track, dice = of.life.population, of.scene.block, of.scene.track, of.life.dice
    who, minute, phase = (
        block.who[table.row],
        block.minute[table.at],
        population.phase_s[block.who][table.row],
    )
    boot = track.boot_minute[table.row, table.at]
    return zip(
        [population.names[one] for one in who.tolist()],
        identity.time_ns(minute, phase, table.ordinal).tolist(),
        [of.life.spools[one] for one in who.tolist()],
        (track.first_seq[table.row, table.at] + table.ordinal).tolist(),
        identity.boot_ids(dice, population.key[who], boot),
        identity.uptime_ns(minute, phase, table.ordinal, boot).tolist(),
        clocks,
        strict=True,
    )


def _deliveries(of: Past, from_minute: int) -> Iterator[tuple[Any, ...]]:
    population, block, track = of.life.population, of.scene.block, of.scene.track
    for row, who in enumerate(block.who.tolist()):
        spool = of.life.spools[who]
        lost = ranges.merge(
            _numbers(track.first_seq[row], track.record_count[row], block.measuring[row] & ~block.kept[row])
        )
        for since, until in ((of.first_minute, from_minute), (from_minute, of.until_minute)):
            part = slice(since - of.first_minute, until - of.first_minute)
            numbered = track.first_seq[row, part], track.record_count[row, part], block.measuring[row, part]
            at_ns = (until - 1) * identity.MINUTE_NS
            all_of_it = ranges.merge(_numbers(*numbered))
            received = ranges.subtract(all_of_it, lost)
            dropped = ranges.subtract(all_of_it, received)
            for state, found, reason in (("received", received, ""), ("dropped", dropped, "spool_damaged")):
                yield from ((population.names[who], spool, *one, state, at_ns, reason) for one in found)


def _numbers(first: Any, count: Any, which: Any) -> list[ranges.Range]:
    """Return the ranges of numbers of some minutes; consecutive minutes make one."""
    places = np.flatnonzero(which & (count > 0))
    if not len(places):
        return []
    begins = np.flatnonzero(np.diff(places, prepend=places[0] - 2) != 1)
    ends = np.append(begins[1:], len(places)) - 1
    firsts, lasts = first[places[begins]], first[places[ends]] + count[places[ends]] - 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
