"""The `registry` series: every active device with its labels, for Grafana's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.registry import areas
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.registry.model import Registry


def registry_rows(registry: Registry, time_ns: int) -> Iterator[SeriesRow]:
    """Yield a row for each device that is active at an instant."""
    labels: dict[str, str] = {}
    for device in registry.devices:
        placement = registry.at(device, time_ns)
        if placement is None or not placement.active:
            continue
        tags = area_tags(placement.village)
        for code in tags:
            if code not in labels:
                labels[code] = _label(code)
        values: dict[str, float | int | bool | str] = {
            "provider": placement.provider,
            "technology": placement.technology or "",
            "profile": placement.profile,
            "traffic_source": placement.traffic_source,
        }
        yield SeriesRow("registry", (device, *tags, *(labels[code] for code in tags)), time_ns, values)


def _label(code: str) -> str:
    area = areas.find(code)
    return f"{area.name if area else code}|{code}"
