"""What the analysis costs: a regency's five minutes and its hour, and what it does to who waits for an ack.

800 devices in 400 villages of SQLite, ten measurements a minute each, an hour of them. `step` computes a
five-minute window and its rows of devices, villages and regency, as live and settled windows are; the
nation's figure is 105 times the regency's (84,000 devices), one process doing all. `delay` is how late a
timer of 1 ms fires in the event loop of a process while a thread of it, or another process, computes: what
an ack would wait for. `python -m benchmarks.rollups` prints the rows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector.analysis_loop.places import Places
from pantau_collector.analysis_loop.recomputing import Recomputing
from pantau_collector.analysis_loop.windows import HOUR_NS, MINUTE_NS, Span
from pantau_collector.registry.areas import children
from pantau_collector.registry.model import Placement, Registry
from pantau_collector.storage.base import Arrival, Batch
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.envelope import Record
from pantau_wire.fields import Device, Dns, Http, Latency, Link, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.storage.series import Window
    from pantau_wire.fields import Measurement

REGENCY = "33.10"
DEVICES = 800
NATION = 84_000
START_NS = 1_795_305_600 * 10**9
HOUR_MINUTES = 60
MARGIN_MINUTES = 4  # after the hour: what a settled window reads beside itself
DELAY_S = 5.0


def registry() -> Registry:
    """Return 400 villages of Klaten with two devices each."""
    villages = [village.code for district in children(REGENCY) for village in children(district.code)]
    return Registry(
        [
            Placement(f"desa-{number}", villages[number % 400], 0, "p", traffic_source=number < 400)
            for number in range(DEVICES)
        ],
        "benchmark",
    )


def fill(store: SqliteStore) -> int:
    """Store an hour and a little of everybody's measurements; return how many."""
    total = 0
    for minute in range(HOUR_MINUTES + MARGIN_MINUTES):
        arrivals = [
            Arrival(f"desa-{device}", "s1", "b1", record)
            for device in range(DEVICES)
            for record in _minute(minute, device)
        ]
        store.write(Batch.of(arrivals))
        total += len(arrivals)
    return total


def _minute(minute: int, device: int) -> Iterator[Record]:
    value = (minute * 7919 + device * 104_729) % 1000 / 1000
    at_ns = START_NS + minute * MINUTE_NS + device * 10**6
    for number, data in enumerate(_measured(minute, value)):
        seq = minute * 10 + number + 1
        yield Record(seq=seq, time_ns=at_ns + number, uptime_ns=at_ns - START_NS, clock="synced", data=data)


def _measured(minute: int, value: float) -> Iterator[Measurement]:
    for target in ("gateway", "testpoint", "internet"):
        yield Latency(
            target=target,
            method="icmp",
            sent_count=20,
            received_count=20,
            rt_loss_ratio=0.0,
            rtd_min_ms=5 + value,
            rtd_p50_ms=10 + 20 * value,
            rtd_p95_ms=20 + 40 * value,
            rtd_max_ms=90.0,
            rtd_pdv_p95_ms=10 * value,
            rtd_ipdv_p95_ms=5 * value,
        )
    for interface in ("eth0", "wlan0", "ether1"):
        yield Traffic(
            source="router" if interface == "ether1" else "host",
            interface=interface,
            rx_bytes=int(1e7 * value),
            tx_bytes=int(1e6 * value),
            rx_rate_bps=1e6 * value,
            tx_rate_bps=1e5 * value,
            rx_peak_bps=2e6 * value,
        )
    yield Link(interface="eth0", medium="wired", interface_up=True, gateway_answers=True, negotiated_bps=1e9)
    yield Device(cpu_ratio=value, memory_used_bytes=10**9, clock_offset_ms=value, uptime_s=60.0 * minute)
    if minute % 5 == 0:
        yield Dns(resolver="system", name="layanan.example.id", resolve_ms=20 * value)
        yield Http(page="https://layanan.example.id/", first_byte_ms=90 * value, total_ms=200 * value)


def run() -> list[dict[str, object]]:
    """Return one row for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pantau.db"
        points = fill(store := SqliteStore(path))
        store.close()
        rows = [
            _in_process(step, path, window, again)
            for window, again in (("5m", False), ("5m", True), ("1h", False))
        ]
        rows += [delay(path, how) for how in ("nothing", "a thread", "a process")]
    return [{**row, "points_count": points} for row in rows]


def _in_process(function: object, *args: object) -> dict[str, object]:
    """Call in a fresh process, so that its peak of memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)  # type: ignore[arg-type]


def step(path: Path, window: Window, again: bool) -> dict[str, object]:
    """Compute one window of the regency; `again` where its rows are there already and did not change."""
    store, places = SqliteStore(path), Places(registry())
    idle_mib = _peak_mib()
    span = Span(START_NS, START_NS + (HOUR_NS if window == "1h" else 5 * MINUTE_NS))
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    result = _work(store, places).regency(REGENCY, span, window)
    cpu_s = time.process_time() - began_cpu_s
    return {
        "what": f"step {window}{', unchanged' if again else ''}",
        "wall_s": round(time.perf_counter() - began_s, 2),
        "cpu_s": round(cpu_s, 2),
        "changed_rows": result.changed_count,
        "rss_before_mib": idle_mib,
        "rss_peak_mib": _peak_mib(),
        "nation_cpu_s": round(cpu_s * NATION / DEVICES, 1),
    }


def _work(store: SqliteStore, places: Places) -> Recomputing:
    return Recomputing(store, places, START_NS + 2 * HOUR_NS, START_NS)


def delay(path: Path, how: str) -> dict[str, object]:
    """Return how late timers of 1 ms fire while something computes."""
    stop = threading.Event()
    thread = threading.Thread(target=_compute_on, args=(path, stop)) if how == "a thread" else None
    process = (
        multiprocessing.get_context("spawn").Process(target=_compute_on, args=(path, None), daemon=True)
        if how == "a process"
        else None
    )
    worker = thread or process
    if worker:
        worker.start()
        time.sleep(2)  # it begins with imports
    late_ms = sorted(asyncio.run(_lateness()))
    stop.set()
    if process:
        process.kill()
    if worker:
        worker.join()
    return {
        "what": f"delay beside {how}",
        "late_p50_ms": round(statistics.median(late_ms), 2),
        "late_p95_ms": round(late_ms[int(len(late_ms) * 0.95)], 2),
        "late_p99_ms": round(late_ms[int(len(late_ms) * 0.99)], 2),
        "late_max_ms": round(late_ms[-1], 2),
    }


def _compute_on(path: Path, stop: threading.Event | None) -> None:
    store, places = SqliteStore(path), Places(registry())
    for at in itertools.cycle(range(11)):
        if stop is not None and stop.is_set():
            return
        since_ns = START_NS + at * 5 * MINUTE_NS
        _work(store, places).regency(REGENCY, Span(since_ns, since_ns + 5 * MINUTE_NS), "5m")


async def _lateness() -> list[float]:
    late_ms: list[float] = []
    end_s = time.perf_counter() + DELAY_S
    while (now_s := time.perf_counter()) < end_s:
        await asyncio.sleep(0.001)
        late_ms.append((time.perf_counter() - now_s - 0.001) * 1000)
    return late_ms


def _peak_mib() -> int:
    """Return the peak of this very process: that of getrusage(2) begins with its parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
