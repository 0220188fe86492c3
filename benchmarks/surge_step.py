"""Five minutes of surges for a regency and the nation: opening memories, judging, rows; time and memory.

Both directions of each village, one regency after the other as the analysis does it, without reading from a
store or writing to one. Each regency's memory is a file under build/ with four weeks of traffic (7.7 GB for
the nation: copies of one); the first step finds none of its pages in memory. Each size runs in a process of
its own, because resident memory is the process's. `python -m benchmarks.surge_step` prints the rows.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BINS_PER_DAY
from pantau_collector.analysis_loop.surges import watch
from pantau_collector.analysis_loop.surges.declared import Declared
from pantau_collector.analysis_loop.surges.state import Folder
from pantau_collector.analysis_loop.surges.traffic import ROUTER, Traffic
from pantau_collector.registry.model import Registry

SIZES = {"regency": (1, 401), "nation": (514, 164)}
"""Regencies, and villages in each."""
STEPS = 5
FIRST_BIN = 20_600 * BINS_PER_DAY
FOLDER = Path(__file__).parent.parent / "build"
DECLARED = Declared(Registry(), ())


def run() -> list[dict[str, object]]:
    """Return a row for each size."""
    FOLDER.mkdir(exist_ok=True)
    return [_in_a_process(size) for size in SIZES]


def _in_a_process(size: str) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.surge_step", size]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, object] = json.loads(done.stdout)
    return row


def measure(size: str) -> dict[str, object]:
    """Return one size's row."""
    regency_count, village_count = SIZES[size]
    villages = [f"33.10.{number // 9000 + 1:02}.{number % 9000 + 1000}" for number in range(village_count)]
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Folder(Path(name))
        _remembered(folder, villages, rng)
        _copied(Path(name), regency_count)
        at = FIRST_BIN + BASELINE_DAYS * BINS_PER_DAY
        times_s = [
            _step_s(folder, regency_count, _traffic(rng, at + step, 1, village_count))
            for step in range(STEPS)
        ]
    return {
        "size": size,
        "regencies": regency_count,
        "series": 2 * regency_count * village_count,
        "first_step_s": times_s[0],
        "step_p50_s": sorted(times_s)[STEPS // 2],
        "rss_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _remembered(folder: Folder, villages: list[str], rng: np.random.Generator) -> None:
    known = watch.begun(folder, "r0", villages, DECLARED, FIRST_BIN)
    for day in range(BASELINE_DAYS):
        known.remember(_traffic(rng, FIRST_BIN + day * BINS_PER_DAY, BINS_PER_DAY, len(villages)))
    known.remember_level()
    known.save()


def _copied(path: Path, regency_count: int) -> None:
    """Make the other regencies' memories like the first one's, and have none of their pages in memory."""
    note = (path / "r0.json").read_text()
    (memory,) = path.glob("r0-*.bins")
    for number in range(1, regency_count):
        shutil.copyfile(memory, path / f"r{number}.bins")
        (path / f"r{number}.json").write_text(note.replace(memory.name, f"r{number}.bins"))
    os.sync()
    for file in path.glob("*.bins"):
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _traffic(rng: np.random.Generator, first_bin: int, bin_count: int, village_count: int) -> Traffic:
    series = (bin_count, 2 * village_count)
    rates = 5e6 * np.exp(0.3 * rng.standard_normal(series))
    counter = np.full((bin_count, village_count), ROUTER, dtype=np.uint8)
    return Traffic(first_bin, rates, np.full(series, 2e7), counter, counter == ROUTER)


def _step_s(folder: Folder, regency_count: int, traffic: Traffic) -> float:
    began = time.monotonic()
    for number in range(regency_count):
        known = watch.opened(folder, f"r{number}", (), DECLARED)
        assert known is not None
        assert known.judge(traffic)
        known.save()
    return time.monotonic() - began


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1])))
    else:
        print(json.dumps(run(), indent=2))
