"""The fast rollups say what a slow reading of the definitions says."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from tests.collector.analysis_loop import reference
from tests.collector.analysis_loop.world import VILLAGES, from_scratch, random_life

from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = ("5m", "1h", "1d")


def close(found: object, wanted: object) -> bool:
    """Sums of floats may differ by how they were added."""
    if isinstance(wanted, float):
        return found == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    return found == wanted


@pytest.mark.parametrize("seed", range(100, 102))
def test_devices_and_villages(memory_folder: Path, seed: int):
    """Every row of a device and of a village over a random day of four moving, failing, rebooting devices."""
    life = random_life(seed)
    registry, arrivals = life.last_registry, reference.distinct(life.points)
    found = from_scratch(SqliteStore(memory_folder / "pantau.db"), life)
    per_device = defaultdict(list)
    for one in arrivals:
        per_device[one.device].append(one)
    minutes = {device: reference.Minutes(some) for device, some in per_device.items()}
    for window in WINDOWS:
        wanted = reference.device_rows(arrivals, registry, window)
        places = [
            place
            for place in found
            if place[0].endswith(window) and place[0][:7] not in ("village", "regency")
        ]
        settled_ns = max(place[2] for place in found if place[0] == f"village_{window}")
        assert set(places) == {place for place in wanted if place[2] <= settled_ns}
        assert places
        for place in places:
            row, expected = found[place].values, wanted[place]
            assert row.keys() == expected.keys(), place
            assert {
                name: (row[name], expected[name]) for name in row if not close(row[name], expected[name])
            } == {}
        for village in VILLAGES:
            rows = {
                place[2]: row
                for place, row in found.items()
                if place[:2] == (f"village_{window}", _tags(village))
            }
            for start_ns, row in rows.items():
                expected = reference.village_row(arrivals, minutes, registry, village, start_ns, window)
                assert expected is not None
                wrong = {
                    name: (row.values.get(name), value)
                    for name, value in expected.items()
                    if not close(row.values.get(name), value)
                }
                assert wrong == {}, (village, window, start_ns)


def _tags(village: str) -> tuple[str, ...]:
    return village, village[:8], village[:5], village[:2]
