"""One step of the surge detector for a regency and for the nation: time, processor time, resident memory.

Both directions of each village. The nation's four weeks of history lie in a mapped file, 2.9 GB under build/;
the first step finds none of its pages in memory. Each size runs in a process of its own, because resident
memory is the process's. `python -m benchmarks.surge_step` prints the rows.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pantau_collector.analysis.surge.detector import Detector, Surroundings
from pantau_collector.analysis.surge.rules import BASELINE_DAYS, BINS_PER_DAY

SIZES = {"regency": (401, 1), "nation": (84_000, 514)}
DIRECTIONS = 2
STEPS = 5
FOLDER = Path(__file__).parent.parent / "build"


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
    villages, regencies = SIZES[size]
    series = villages * DIRECTIONS
    regency = np.sort(np.arange(series, dtype=np.int32) % (regencies * DIRECTIONS))
    offset_s = np.repeat(np.array([25_200, 28_800, 32_400], np.int32), -(-series // 3))[:series]
    rng = np.random.default_rng(7)
    with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
        history = Path(file.name) if size == "nation" else None
        detector = Detector(Surroundings(regency, offset_s), history)
        began = time.monotonic()
        first = 20_600 * BINS_PER_DAY
        at = first + BASELINE_DAYS * BINS_PER_DAY
        for past in range(first, at):
            detector.remember(past, _rates(rng, series))
        remembered_s = time.monotonic() - began
        os.sync()
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        times_s = [_step_s(detector, at + number, _rates(rng, series)) for number in range(STEPS)]
    return {
        "size": size,
        "series": series,
        "remember_28_days_s": remembered_s,
        "first_step_s": times_s[0],
        "step_p50_s": sorted(times_s)[STEPS // 2],
        "rss_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _rates(rng: np.random.Generator, series: int) -> NDArray[np.float32]:
    return np.float32(5e6) * np.exp(np.float32(0.3) * rng.standard_normal(series, dtype=np.float32))


def _step_s(detector: Detector, at: int, rates: NDArray[np.float32]) -> float:
    began = time.monotonic()
    detector.step(at, rates)
    return time.monotonic() - began


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1])))
    else:
        print(json.dumps(run(), indent=2))
