"""The series `registry`: who the devices are as a history ends; the collector writes it from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantau_demo.fleet.identity import MINUTE_NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_demo.fleet.life import Life

COLUMNS = (
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


def rows(life: Life, devices: Sequence[int], until_minute: int) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each of the devices (places in the population)."""
    population = life.population
    for at in devices:
        village, technology = population.villages[at], population.technologies[at]
        names = (village.name, village.district, village.regency, village.province)
        labels = (f"{one}|{code}" for one, code in zip(names, village.tags, strict=True))
        terms = (technology.provider, technology.name, technology.profile, bool(population.number[at] == 0))
        yield population.names[at], *village.tags, *labels, until_minute * MINUTE_NS, *terms
