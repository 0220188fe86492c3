"""From scenes to envelopes: records as the agent encodes them, by device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.fleet import identity
from pantau_demo.fleet.observations import observe
from pantau_wire import __version__, codec
from pantau_wire.envelope import VERSION, Header
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from pantau_demo.fleet.life import Life
    from pantau_demo.fleet.observations import Scene, Table
    from pantau_wire.envelope import Dropped


@dataclass(slots=True)
class Parcel:
    """What one device has to say: its records of one boot, by number."""

    boot: str
    uptime_ns: int
    records: list[tuple[int, msgspec.Raw]]

    @property
    def seqs(self) -> list[int]:
        """The numbers, in order."""
        return [seq for seq, _ in self.records]


def parcels(scene: Scene) -> dict[int, Parcel]:
    """Return what each device (a row of the block) measured; a row's minutes must be of one boot."""
    found: dict[int, Parcel] = {}
    for table in observe(scene):
        for row, boot, uptime_ns, seq, record in _records(scene, table):
            parcel = found.get(row)
            if parcel is None:
                parcel = found[row] = Parcel(boot, uptime_ns, [])
            parcel.records.append((seq, record))
            parcel.uptime_ns = max(parcel.uptime_ns, uptime_ns)
    for parcel in found.values():
        parcel.records.sort(key=lambda one: one[0])
    return found


def envelope(
    life: Life, who: int, parcel: Parcel, *, attempt: int, oldest_seq: int, dropped: Sequence[Dropped] = ()
) -> tuple[bytes, str]:
    """Return payload and content type of a parcel's envelope."""
    population = life.population
    header = Header(
        v=VERSION,
        device=population.names[who],
        agent=__version__,
        spool=life.spools[who],
        boot=parcel.boot,
        attempt=attempt,
        oldest_unacked_seq=oldest_seq,
        dropped=tuple(dropped),
        sent_uptime_ns=parcel.uptime_ns,
    )
    return codec.encode_envelope(header, [record for _, record in parcel.records])


def _records(scene: Scene, table: Table) -> list[tuple[int, str, int, int, msgspec.Raw]]:
    """Return row, boot, time since it, number and JSON of each measurement."""
    if not len(table.row):
        return []
    block, track, population = scene.block, scene.track, scene.life.population
    who, minute = block.who[table.row], block.minute[table.at]
    phase, boot = population.phase_s[who], track.boot_minute[table.row, table.at]
    make, names = KINDS[table.kind], tuple(table.columns)
    stamps = zip(
        table.row.tolist(),
        identity.boot_ids(scene.life.dice, population.key[who], boot),
        identity.uptime_ns(minute, phase, table.ordinal, boot).tolist(),
        (track.first_seq[table.row, table.at] + table.ordinal).tolist(),
        identity.time_ns(minute, phase, table.ordinal).tolist(),
        np.where(track.synced[table.row, table.at], "synced", "repaired").tolist(),
        table.rows(),
        strict=True,
    )
    found = []
    for row, boot_id, uptime_ns, seq, time_ns, clock, values in stamps:
        data = codec.encode_measurement(make(**dict(zip(names, values, strict=True))))  # type: ignore[arg-type]
        record = codec.encode_record(seq=seq, time_ns=time_ns, uptime_ns=uptime_ns, clock=clock, data=data)
        found.append((row, boot_id, uptime_ns, seq, record))
    return found
