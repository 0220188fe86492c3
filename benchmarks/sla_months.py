"""How long a month's verdicts take: of a village from its samples, of a regency and a nation from the store.

The nation is 84,000 villages in 514 regencies with their rows of `sla_day` for a month and its margins, made
of two dozen different months (power cuts, outages, tests) and written to a store under build/ before anything
is timed. One process judges it as the analysis does, regency by regency: columns from the store, sums,
verdicts, and the rows of `sla_month` and `sla_area` back into it; a regency once more with every interruption
written. Then how long `MonthReader` takes for what a page shows, the worst of nine. Peak memory is that of
the process.

`python -m benchmarks.sla_months` prints the rows; with `influxdb [VILLAGES]` it does the same on an InfluxDB
1.6 of its own, whose memory is told too.
"""

import contextlib
import json
import multiprocessing
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from urllib3 import request

from benchmarks.influx_path import influxd
from pantau_collector.analysis.calendar import Month
from pantau_collector.analysis.days import DayRow
from pantau_collector.analysis.profiles import from_mapping
from pantau_collector.analysis.sla import input_file
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.village import day_rows
from pantau_collector.analysis_loop import writing
from pantau_collector.analysis_loop.month_rows import MonthRows
from pantau_collector.analysis_loop.windows import Span
from pantau_collector.config import InfluxConfig, StoreConfig
from pantau_collector.months import dayrows, judging
from pantau_collector.months.instants import month_ns
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.months.reading import StoredMonths
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.model import Placement, Registry
from pantau_collector.registry.timezones import WIB
from pantau_collector.storage.base import SeriesRow, Store
from pantau_collector.storage.opening import open_store

FOLDER = Path(__file__).parent.parent / "build"
MONTH = Month(2026, 8, WIB)
PROFILE = {"name": "default", "contracted_download_bps": 2e7, "contracted_upload_bps": 1e7}
BOOK = ProfileBook([from_mapping(PROFILE)])
VILLAGES, REGENCIES, KINDS = 84_000, 514, 24
REPEATS = 9
_DAY_S = 86_400


class _Fixed:
    def __init__(self, held: Any) -> None:
        self.get = lambda: held


def run() -> list[dict[str, object]]:
    """Return a row for each size."""
    FOLDER.mkdir(exist_ok=True)
    kinds = [_document(seed) for seed in range(KINDS)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        config = StoreConfig(path=Path(folder) / "pantau.db")
        _write_nation(config, kinds, _nation(VILLAGES))
        size_mb = round(config.path.stat().st_size / 1e6)
        return [
            *_one_village(kinds[0]),
            *_from_store(config, _nation(VILLAGES)),
            {"what": "the file", "mb": size_mb},
        ]


def run_on_influxdb(villages: int) -> list[dict[str, object]]:
    """Return the same of an InfluxDB of its own, for so many villages."""
    kinds = [_document(seed) for seed in range(KINDS)]
    with influxd() as (url, process):
        for name in ("pantau_rollup", "pantau_history"):
            request("POST", f"{url}/query?q=CREATE+DATABASE+{name}")
        config = StoreConfig(kind="influxdb", influxdb=InfluxConfig(url=url))
        began = time.perf_counter()
        _write_nation(config, kinds, _nation(villages))
        written = {
            "what": "writing",
            "wall_s": round(time.perf_counter() - began, 1),
            "peak_mib": _peak_mib(process),
        }
        rows = [written, *_from_store(config, _nation(villages))]
        return [*rows, {"what": "influxd after all", "peak_mib": _peak_mib(process)}]


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


def _from_store(config: StoreConfig, nation: Mapping[str, Sequence[str]]) -> Iterator[dict[str, object]]:
    spawning = multiprocessing.get_context("spawn")  # a process whose memory is its own
    first = {next(iter(nation)): nation[next(iter(nation))]}
    works: list[tuple[str, Callable[..., dict[str, object]], Mapping[str, Sequence[str]]]] = [
        ("a regency, judged", _judge, first),
        ("a nation, judged", _judge, nation),
        ("a regency, with every interruption", _refresh, first),
        ("first paint", _paint, nation),
    ]
    for what, work, villages in works:
        with ProcessPoolExecutor(1, mp_context=spawning) as process:
            yield {"what": what, **process.submit(work, config, villages).result()}


def _judge(config: StoreConfig, nation: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Judge some regencies and write their rows; runs in a process of its own."""
    registry = _registry(nation)
    verdicts: dict[str, int] = {}
    began, began_cpu = time.perf_counter(), time.process_time()
    with contextlib.closing(open_store(config)) as store:
        rows = MonthRows(store, registry, BOOK)
        for regency, villages in nation.items():
            found = judging.judged(store, registry, BOOK, villages, str(MONTH)).months
            _replace_months(store, villages, found)
            rows.regency(regency, str(MONTH))
            for row in found:
                verdict = str(row.values["verdict"])
                verdicts[verdict] = verdicts.get(verdict, 0) + 1
        rows.above(nation, str(MONTH))
    return {
        "villages": sum(verdicts.values()),
        **_measured(began, began_cpu),
        "verdicts": ", ".join(f"{verdict} {count}" for verdict, count in sorted(verdicts.items())),
    }


def _replace_months(store: Store, villages: Sequence[str], rows: Sequence[SeriesRow]) -> None:
    first_ns = month_ns(str(MONTH), villages[0])
    writing.replace(store, ["sla_month"], Span(first_ns, first_ns + 1), {"village": villages}, rows)


def _refresh(config: StoreConfig, nation: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Do all that the analysis does of some regencies' month."""
    registry = _registry(nation)
    began, began_cpu = time.perf_counter(), time.process_time()
    with contextlib.closing(open_store(config)) as store:
        changed_count = sum(
            MonthRows(store, registry, BOOK).villages(villages, str(MONTH)) for villages in nation.values()
        )
    return {"villages": sum(map(len, nation.values())), **_measured(began, began_cpu), "rows": changed_count}


def _paint(config: StoreConfig, nation: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Read what a page of the nation, a province, a regency and a village shows; the worst of some times."""
    regency = next(iter(nation))
    village = nation[regency][0]
    with contextlib.closing(open_store(config)) as store:
        months = StoredMonths(store, _Fixed(_registry({regency: nation[regency]})), _Fixed(BOOK))
        pages: dict[str, Callable[[], object]] = {
            "nation": lambda: (months.months(), months.area(str(MONTH), ""), months.children(str(MONTH), "")),
            "province": lambda: months.children(str(MONTH), regency[:2]),
            "regency": lambda: (months.children(str(MONTH), regency), months.villages(str(MONTH), regency)),
            "village": lambda: (months.evidence(str(MONTH), village), months.trend(village)),
            "bundle": lambda: months.bundle(str(MONTH), village),
        }
        return {
            f"{name}_ms": round(1000 * max(_timed(page)[0] for _ in range(REPEATS)))
            for name, page in pages.items()
        }


def _measured(began: float, began_cpu: float) -> dict[str, object]:
    return {
        "wall_s": round(time.perf_counter() - began, 3),
        "cpu_s": round(time.process_time() - began_cpu, 3),
        "peak_mib": _peak_mib(),
    }


def _peak_mib(process: int | str = "self") -> int:
    """Return a program's own peak: getrusage would tell that of the process it was started from."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


def _write_nation(
    config: StoreConfig, kinds: list[dict[str, Any]], nation: Mapping[str, Sequence[str]]
) -> None:
    villages = [input_file.parse(json.dumps(document).encode()) for document in kinds]
    days = [day_rows(village) for village in villages]
    number = 0
    with contextlib.closing(open_store(config)) as store:
        for codes in nation.values():
            rows: list[SeriesRow] = []
            for code in codes:
                rows += _rows_of(code, number % len(kinds), days[number % len(kinds)])
                number += 1
            store.write_series(rows)


def _rows_of(village: str, kind: int, days: list[DayRow]) -> list[SeriesRow]:
    """Return a village's rows; packed once for each kind and zone."""
    key = (kind, village[:2])
    if key not in _PACKED:
        _PACKED[key] = [dayrows.to_series(village, row) for row in days]
    tags = area_tags(village)
    return [msgspec.structs.replace(row, tags=tags) for row in _PACKED[key]]


_PACKED: dict[tuple[int, str], list[SeriesRow]] = {}


def _registry(nation: Mapping[str, Sequence[str]]) -> Registry:
    return Registry(
        Placement(f"desa-{code}", code, 0, "PT Angin", traffic_source=True)
        for codes in nation.values()
        for code in codes
    )


def _nation(villages: int) -> dict[str, list[str]]:
    """Return the villages' codes by regency, ten to a district."""
    nation: dict[str, list[str]] = {}
    for number in range(villages):
        regency, within = divmod(number * REGENCIES, villages)
        district, village = divmod(within // REGENCIES, 10)
        code = _regency(regency)
        nation.setdefault(code, []).append(f"{code}.{district + 1:02}.{2001 + village}")
    return nation


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
    on_influxdb = sys.argv[1:2] == ["influxdb"]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else VILLAGES
    for result in run_on_influxdb(count) if on_influxdb else run():
        print(json.dumps(result))
