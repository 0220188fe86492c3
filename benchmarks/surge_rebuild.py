"""A cold start of the surge analysis: from a store's rows to a memory that judges; time and memory.

A regency of 401 villages from 28 days of five-minute rows (3.2 million). Of the nation some regencies of 164
villages from hourly rows, as all 514 would be: times 514 over how many were measured. SQLite under build/;
filling it takes a minute or two and is not counted. Each in a process of its own, because resident memory is
the process's.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BINS_PER_DAY, BINS_PER_HOUR
from pantau_collector.analysis_loop.surges import rebuilding, watch
from pantau_collector.analysis_loop.surges.declared import Declared
from pantau_collector.analysis_loop.surges.state import Folder
from pantau_collector.analysis_loop.surges.traffic import BIN_NS
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.model import Registry
from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.sqlite import SqliteStore

SIZES = {"regency": (1, 401, False), "nation": (4, 164, True)}
"""Regencies, villages in each, and whether hourly rows are read."""
NATION_REGENCIES = 514
END_BIN = 20_700 * BINS_PER_DAY
FOLDER = Path(__file__).parent.parent / "build"
DECLARED = Declared(Registry(), ())
_ROWS_AT_ONCE = 20_000


def run() -> list[dict[str, object]]:
    """Return a row for each size."""
    FOLDER.mkdir(exist_ok=True)
    return [_in_a_process(size) for size in SIZES]


def _in_a_process(size: str) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.surge_rebuild", size]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, object] = json.loads(done.stdout)
    return row


def measure(size: str) -> dict[str, object]:
    """Return one size's row."""
    regencies, villages, by_hours = SIZES[size]
    names = [[f"33.{10 + one}.01.{2001 + number}" for number in range(villages)] for one in range(regencies)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as path:
        store = SqliteStore(Path(path) / "pantau.db")
        _fill(store, _rows([village for some in names for village in some], by_hours=by_hours))
        began, began_cpu = time.monotonic(), time.process_time()
        for some in names:
            known = watch.begun(
                Folder(Path(path) / "surges"), some[0][:5], some, DECLARED, rebuilding.first_needed(END_BIN)
            )
            rebuilding.rebuild(known, store, END_BIN, by_hours=by_hours, breathe=lambda: None)
            known.save()
        wall_s, cpu_s = time.monotonic() - began, time.process_time() - began_cpu
        store.close()
    factor = NATION_REGENCIES / regencies if by_hours else 1
    return {
        "size": size,
        "villages_measured": regencies * villages,
        "rebuild_s": wall_s * factor,
        "rebuild_cpu_s": cpu_s * factor,
        "rss_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _rows(villages: list[str], *, by_hours: bool) -> Iterator[SeriesRow]:
    rng = np.random.default_rng(7)
    name, width = ("village_1h", BINS_PER_HOUR) if by_hours else ("village_5m", 1)
    for at in range(END_BIN - BASELINE_DAYS * BINS_PER_DAY, END_BIN, width):
        rates = (5e6 * np.exp(0.3 * rng.standard_normal(len(villages)))).tolist()
        for village, rate in zip(villages, rates, strict=True):
            values = {"device_count": 1, "rx_rate_bps": rate, "tx_rate_bps": rate / 5, "router_traffic": True}
            yield SeriesRow(name, area_tags(village), at * BIN_NS, values)


def _fill(store: SqliteStore, rows: Iterator[SeriesRow]) -> None:
    some: list[SeriesRow] = []
    for row in rows:
        some.append(row)
        if len(some) == _ROWS_AT_ONCE:
            store.write_series(some)
            some = []
    store.write_series(some)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1])))
    else:
        print(json.dumps(run(), indent=2))
