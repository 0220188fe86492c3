"""Rows of the last minutes, as the analysis writes them of one village whose line is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.collector.web.world import NOW, S

from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterator


def present(village: str, device: str) -> Iterator[SeriesRow]:
    """Yield a row of each series that the API reads the present from."""
    tags, at_ns = area_tags(village), NOW - 300 * S
    yield SeriesRow("village_5m", tags, at_ns, {"device_count": 1, "rtd_p50_ms": 31.5, "state": "up"})
    yield SeriesRow("regency_5m", tags[2:], at_ns, {"village_count": 6, "up_village_count": 5})
    yield SeriesRow("village_silence", tags, at_ns, {"silent_minutes": 2.0})
    yield SeriesRow("device_silence", (device, *tags), at_ns, {"silent_minutes": 2.0})
    alert = {"active": 1, "value": 2.0, "since_s": at_ns / S}
    yield SeriesRow("active_alerts", (*tags, "link_down"), at_ns, alert)
    yield SeriesRow("surge", (*tags, "rx"), at_ns, {"score": 6.5, "state": "surge", "rate_bps": 1e6})
