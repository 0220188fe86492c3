"""What a month as a file costs, and how fast the API answers, for a nation of 83,763 villages on SQLite.

Each export is made by `pantau-collector`'s own writers in a process of its own: from the store to a file on
disk, wall and processor time, and that process's peak memory. The API is asked over a kept connection to a
portal in a process of its own; `p50_ms` is the median of `REPEATS` answers, ETag and JSON included.
The store holds one month's days of every village. `python -m benchmarks.exports` prints the rows.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import re
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tests.collector.months.world import BOOK, Fixed

from benchmarks import _months_nation
from benchmarks._months_nation import REGENCY, SHOWN
from benchmarks._portal_process import ask, connected, running
from pantau_collector.exports import areas, making
from pantau_collector.exports.order import Order
from pantau_collector.months.reading import StoredMonths
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD = Path(__file__).parent.parent / "build"
REPEATS = 31
AREAS = {"regency": REGENCY, "province": "33", "nation": "id"}
VILLAGE = "33.10.26.2008"
ASKED = {
    "months": "/months",
    "areas, by name": "/areas?search=sari&limit=100",
    "nation's month": f"/areas/id/months/{SHOWN}",
    "verdicts, 100 of the nation": f"/verdicts?month={SHOWN}&limit=100",
    "verdicts, 100 failed of the nation": f"/verdicts?month={SHOWN}&verdict=fail&limit=100",
    "verdicts, a regency": f"/verdicts?month={SHOWN}&area={REGENCY}&limit=1000",
    "a village's verdict": f"/villages/{VILLAGE}/months/{SHOWN}",
    "a village's tests": f"/villages/{VILLAGE}/months/{SHOWN}/tests",
    "a village's state": f"/villages/{VILLAGE}/state",
    "villages of a regency": f"/villages?area={REGENCY}&limit=1000",
}


def run() -> list[dict[str, object]]:
    """Return a row for each export and each question."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        folder = Path(name)
        _months_nation.registry(folder / "devices.csv")
        _months_nation.fill_sqlite(folder / "pantau.db", [SHOWN])
        return [*_exports(folder), *_questions(folder)]


def _exports(folder: Path) -> Iterator[dict[str, object]]:
    spawning = multiprocessing.get_context("spawn")  # a process whose memory is its own
    for label, code in AREAS.items():
        for file_format in making.FORMATS:
            with ProcessPoolExecutor(1, mp_context=spawning) as process:
                measured = process.submit(_export, folder, code, file_format).result()
            yield {"what": f"{label}, {file_format}", **measured}


def _export(folder: Path, code: str, file_format: str) -> dict[str, object]:
    """Make one file; runs in a process of its own."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    with contextlib.closing(SqliteStore(folder / "pantau.db")) as store:
        reader = StoredMonths(store, RegistryFile(folder / "devices.csv"), Fixed(BOOK))  # type: ignore[arg-type]
        base_mib = _peak_mib()
        area = reader.area(SHOWN, areas.inner(code))
        assert area is not None
        path = folder / f"export.{file_format}"
        with path.open("w+b") as out:
            kind = cast("making.FileFormat", file_format)
            making.make(kind, Order(reader=reader, area=area, language="id"), out)
    return {
        "villages": area.counts.villages,
        "MB": round(path.stat().st_size / 1e6, 2),
        "wall_s": round(time.perf_counter() - began_s, 2),
        "cpu_s": round(time.process_time() - began_cpu_s, 2),
        "peak_mib": _peak_mib(),
        "before_mib": base_mib,
    }


def _peak_mib() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


def _questions(folder: Path) -> Iterator[dict[str, object]]:
    with running({"path": str(folder / "pantau.db")}, folder / "devices.csv") as url:
        connection = connected(url)
        for label, path in ASKED.items():
            answers = [ask(connection, f"/api/v1{path}") for _ in range(REPEATS)]
            times = [taken_ms for taken_ms, _ in answers]
            yield {
                "what": f"API: {label}",
                "kB": round(answers[0][1] / 1000, 1),
                "p50_ms": round(statistics.median(times), 1),
                "worst_ms": round(max(times), 1),
            }


if __name__ == "__main__":
    for result in run():
        print(json.dumps(result))
