"""How long a month's verdicts take: of one village from its samples, of a regency and a nation from day rows.

The nation is 84,000 villages in 514 regencies with their day rows of a month and its margins, made of two
dozen different months (power cuts, outages, tests) and written to an SQLite database under build/ before
anything is timed. One process judges it, regency by regency, as a runner would: read, add up, judge. Peak
memory is that process's. `python -m benchmarks.sla_months` prints the rows.
"""

import contextlib
import json
import multiprocessing
import random
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pantau_collector.analysis.calendar import Month
from pantau_collector.analysis.days import DayRow
from pantau_collector.analysis.profiles import from_mapping
from pantau_collector.analysis.sla import input_file, tally
from pantau_collector.analysis.sla.judging import Verdict, judge
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.village import day_rows
from pantau_collector.registry.timezones import WIB

FOLDER = Path(__file__).parent.parent / "build"
MONTH = Month(2026, 8, WIB)
PROFILE = {"name": "default", "contracted_download_bps": 2e7, "contracted_upload_bps": 1e7}
VILLAGES, REGENCIES, KINDS = 84_000, 514, 24
REPEATS = 9
COLUMNS = tuple(name for name in DayRow.__struct_fields__ if name != "day")
_DAY_S = 86_400


def run() -> list[dict[str, object]]:
    """Return a row for each size."""
    kinds = [_document(seed) for seed in range(KINDS)]
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "days.db"
        villages = [input_file.parse(json.dumps(document).encode()) for document in kinds]
        _write_nation(path, [day_rows(village) for village in villages])
        size_mb = path.stat().st_size / 1e6
        return [*_one_village(kinds[0]), *_from_rows(path, size_mb)]


def _one_village(document: dict[str, Any]) -> Iterator[dict[str, object]]:
    content = json.dumps(document).encode()
    village = input_file.parse(content)
    sample_count = sum(len(device.samples) for device in village.devices)

    def judged() -> None:
        report(village.month, day_rows(village), village.profiles)

    for name, work in (("from samples", judged), ("reading the JSON", lambda: input_file.parse(content))):
        times = [_timed(work) for _ in range(REPEATS)]
        wall_s, cpu_s = (statistics.median(column) for column in zip(*times, strict=True))
        yield {
            "what": f"a village, {name}",
            "villages": 1,
            "rows": sample_count,
            "wall_s": round(wall_s, 4),
            "cpu_s": round(cpu_s, 4),
        }


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    began, began_cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - began_cpu


def _from_rows(path: Path, size_mb: float) -> Iterator[dict[str, object]]:
    spawning = multiprocessing.get_context("spawn")  # a process whose memory is its own
    with ProcessPoolExecutor(1, mp_context=spawning) as process:
        regency = process.submit(_judge, path, [_regency(0)]).result()
    with ProcessPoolExecutor(1, mp_context=spawning) as process:
        nation = process.submit(_judge, path, [_regency(number) for number in range(REGENCIES)]).result()
    yield {"what": "a regency, from day rows", **regency}
    yield {"what": "a nation, from day rows", **nation, "database_mb": round(size_mb)}


def _judge(path: Path, regencies: list[str]) -> dict[str, object]:
    """Judge some regencies; runs in a process of its own."""
    began, began_cpu = time.perf_counter(), time.process_time()
    verdicts = np.zeros(len(Verdict), dtype=np.int64)
    row_count = 0
    with contextlib.closing(sqlite3.connect(path)) as database:
        for regency in regencies:
            days = _read(database, regency)
            row_count += len(days.village)
            profiles = [from_mapping(PROFILE)] * days.village_count
            found = judge(tally.tally(days, profiles), profiles)
            verdicts += np.bincount(found.verdict, minlength=len(Verdict))
    return {
        "villages": int(verdicts.sum()),
        "rows": row_count,
        "wall_s": round(time.perf_counter() - began, 3),
        "cpu_s": round(time.process_time() - began_cpu, 3),
        "peak_mib": _peak_mib(),
        "verdicts": ", ".join(f"{verdict.name.lower()} {verdicts[verdict]}" for verdict in Verdict),
    }


def _peak_mib() -> int:
    """Return this program's own peak: getrusage would tell that of the process it was started from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


def _read(database: sqlite3.Connection, regency: str) -> tally.Days:
    place = {str(day): number for number, day in enumerate(MONTH.days)}
    rows = database.execute(
        f"SELECT village, day, states, {', '.join(tally.NUMBERS)} FROM daily"
        " WHERE village BETWEEN ? AND ? AND day BETWEEN ? AND ?",
        (f"{regency}.", f"{regency}.~", str(MONTH.days[0]), str(MONTH.days[-1])),
    ).fetchall()
    villages: dict[str, int] = {}
    return tally.Days(
        month=MONTH,
        village=np.array([villages.setdefault(row[0], len(villages)) for row in rows], dtype=np.int64),
        village_count=len(villages),
        day=np.array([place[row[1]] for row in rows], dtype=np.int64),
        states=[row[2] for row in rows],
        numbers=np.array([row[3:] for row in rows], dtype=np.float64),
    )


def _write_nation(path: Path, kinds: list[list[DayRow]]) -> None:
    rows = [[(str(row.day), *(getattr(row, name) for name in COLUMNS)) for row in kind] for kind in kinds]
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute(
            f"CREATE TABLE daily (village TEXT, day TEXT, {', '.join(COLUMNS)}, PRIMARY KEY (village, day))"
            " WITHOUT ROWID"
        )
        places = ", ".join("?" * (len(COLUMNS) + 2))
        with database:
            database.executemany(f"INSERT INTO daily VALUES ({places})", _nation(rows))


def _nation(kinds: list[list[tuple[object, ...]]]) -> Iterator[tuple[object, ...]]:
    for number in range(VILLAGES):
        regency, within = divmod(number * REGENCIES, VILLAGES)
        village = f"{_regency(regency)}.{within // REGENCIES:04}"
        for row in kinds[number % len(kinds)]:
            yield (village, *row)


def _regency(number: int) -> str:
    return f"{11 + number // 14}.{number % 14:02}"


def _document(seed: int) -> dict[str, Any]:
    """Return a village's month with one device: power cuts, outages of all lengths, four tests an evening."""
    rng = random.Random(seed)
    begin_s = MONTH.first_minute * 60
    mean_bps = rng.choice((14e6, 18e6, 20e6))
    samples = list(_samples(rng, begin_s - 2 * _DAY_S, begin_s + (MONTH.day_count + 2) * _DAY_S))
    tests = [
        [
            begin_s + day * _DAY_S + rng.randrange(18 * 3600, 22 * 3600),
            rng.gauss(mean_bps, 2e6),
            rng.gauss(9e6, 1e6),
            True,
        ]
        for day in range(MONTH.day_count)
        for _ in range(4)
    ]
    return {
        "month": str(MONTH),
        "timezone": MONTH.zone.iana,
        "profile": PROFILE,
        "devices": [{"id": "desa-1", "samples": samples}],
        "speed_tests": tests,
    }


def _samples(rng: random.Random, now_s: int, end_s: int) -> Iterator[list[Any]]:
    seq, boot, boot_s, down_minutes = 1, 0, now_s - 60, 0
    cut_chance, outage_chance = rng.choice((0.00003, 0.0005)), rng.choice((0.0002, 0.002))
    while now_s < end_s:
        if down_minutes == 0 and rng.random() < outage_chance:
            down_minutes = rng.choice((1, 2, 5, 8, 30, 120))
        up = down_minutes == 0
        down_minutes -= not up
        evidence, received = ("answered", 20 - (rng.random() < 0.05)) if up else ("unanswered", 0)
        delay = max(rng.gauss(35, 8), 5) if up else None
        row = [now_s, seq, seq + 6, f"boot-{boot}", now_s - boot_s, evidence, 20, received]
        yield [*row, delay, delay and delay / 4]
        seq += 7
        now_s += 60
        if rng.random() < cut_chance:
            now_s += rng.randrange(5, 600) * 60
            boot, boot_s = boot + 1, now_s - 45


if __name__ == "__main__":
    for result in run():
        print(json.dumps(result))
