"""A nation's export costs the memory of a regency's: rows stream, and nothing of them stays."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.collector.exports.conftest import MONTH, REGENCY
from tests.collector.months import world

from pantau_collector.analysis_loop.month_rows import MonthRows
from pantau_collector.registry import areas
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

PROVINCES = ("33", "35")
MAX_GROWTH_MIB = 16
CHILD = """
import json, re, sys
from pathlib import Path
from tests.collector.months.world import BOOK, Fixed, registry
from pantau_collector.exports import making
from pantau_collector.exports.order import Order
from pantau_collector.months.reading import StoredMonths
from pantau_collector.storage.sqlite import SqliteStore

def peak_mib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

store = SqliteStore(Path(sys.argv[1]))
reader = StoredMonths(store, Fixed(registry({})), Fixed(BOOK))
found = {}
for code in sys.argv[3:]:
    area = reader.area(sys.argv[2], code.strip())
    for kind in ("csv", "xlsx"):
        with open(sys.argv[1] + "." + kind, "w+b") as out:
            making.make(kind, Order(reader=reader, area=area, language="id"), out)
    found[code] = {"villages": area.counts.villages, "peak_mib": peak_mib()}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the months of every village of two provinces, copied from six that were judged."""
    path = tmp_path_factory.mktemp("nation") / "pantau.db"
    codes = [
        village.code
        for province in PROVINCES
        for regency in areas.children(province)
        for district in areas.children(regency.code)
        for village in areas.children(district.code)
    ]
    with contextlib.closing(SqliteStore(path)) as store:
        world.filled(store, months=[MONTH])
        models = store.series("sla_month")
        store.write_series(
            [
                SeriesRow("sla_month", (*area_tags(code), row.tags[4]), row.time_ns, row.values)
                for place, code in enumerate(codes)
                if (row := models[place % len(models)]) and code not in world.VILLAGES
            ]
        )
        rows = MonthRows(store, world.registry({}), world.BOOK)
        regencies = sorted({code[:5] for code in codes})
        for regency in regencies:
            rows.regency(regency, MONTH)
        rows.above(regencies, MONTH)
    return path


def test_memory_does_not_grow_with_the_villages(store_path: Path):
    """After a regency's CSV and Excel file, 17,000 villages' raise the peak of the process by little."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(store_path), MONTH, REGENCY, " "], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found[" "]["villages"] > 30 * found[REGENCY]["villages"]
    assert found[" "]["peak_mib"] - found[REGENCY]["peak_mib"] < MAX_GROWTH_MIB, found
