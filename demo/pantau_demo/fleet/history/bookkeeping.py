"""What the analysis keeps about its own work: that it has come to the end of this history, and on what basis.

With it a collector goes on where the history ends, instead of summing up again what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pantau_demo.fleet.history.windows import LENGTHS
from pantau_demo.fleet.identity import MINUTE_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_demo.fleet.history.files import Folder
    from pantau_demo.fleet.life import Life

_FAR_NS = 2**62  # what the analysis takes for "until now"
_AT_NS = 0


def write(folder: Folder, life: Life, until_minute: int) -> None:
    """Write cursors and placements; `until_minute` is the end of the last five-minute window."""
    folder.write(
        "series", "analysis_cursor", ("name", "time_ns", "position_ns"), _cursors(life, until_minute)
    )
    folder.write("series", "analysis_placement", ("device", "time_ns", "history"), _placements(life))
    folder.write("series", "registry", _REGISTRY, _registry(life, until_minute))


def _cursors(life: Life, until_minute: int) -> Iterator[tuple[str, int, int]]:
    yield "begun", _AT_NS, life.epoch_minute * MINUTE_NS
    yield "late", _AT_NS, until_minute * MINUTE_NS
    yield "5m", _AT_NS, until_minute * MINUTE_NS
    for regency, offset in sorted(
        {(one.code[:5], one.utc_offset_minutes) for one in life.population.villages}
    ):
        hour, day = LENGTHS["1h"], LENGTHS["1d"]
        yield f"1h {regency}", _AT_NS, until_minute // hour * hour * MINUTE_NS
        yield f"1d {regency}", _AT_NS, ((until_minute + offset) // day * day - offset) * MINUTE_NS


def _placements(life: Life) -> Iterator[tuple[str, int, str]]:
    population = life.population
    for at, name in enumerate(population.names):
        since_ns = int(population.since_minute[at]) * MINUTE_NS
        source, profile = bool(population.number[at] == 0), population.technologies[at].profile
        stood = [[population.villages[at].code, since_ns, _FAR_NS, source, profile]]
        yield name, _AT_NS, msgspec.json.encode(stood).decode()


_REGISTRY = (
    "device",
    "village",
    "district",
    "regency",
    "province",
    "village_label",
    "district_label",
    "regency_label",
    "province_label",
    "time_ns",
    "provider",
    "technology",
    "profile",
    "traffic_source",
)


def _registry(life: Life, until_minute: int) -> Iterator[tuple[Any, ...]]:
    """Yield the registry as it is at the end; the collector writes it every hour from then on."""
    population = life.population
    for at, name in enumerate(population.names):
        village, technology = population.villages[at], population.technologies[at]
        names = (village.name, village.district, village.regency, village.province)
        labels = (f"{one}|{code}" for one, code in zip(names, village.tags, strict=True))
        terms = (technology.provider, technology.name, technology.profile, bool(population.number[at] == 0))
        yield name, *village.tags, *labels, until_minute * MINUTE_NS, *terms
