"""What a point and a rollup's row take on disk: Debian's InfluxDB 1.6.7, compacted, with its index.

Devices write the ten measurements of a minute (`wire_codec`) for half a day; rollups have random values, so
that real ones can only be smaller. Each database is measured once the server has compacted it, which it is
told to do at once and not after four hours.
"""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from benchmarks import SkippedError
from benchmarks.influx_path import _CONFIG, HOST, _free_port
from benchmarks.wire_codec import minute
from pantau_collector.storage.base import Parcel
from pantau_collector.storage.influx import pointlines
from pantau_collector.storage.series import SERIES, Series, Window
from pantau_wire.envelope import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEVICES = 20
HOURS = 12
START_S = 1_790_000_000
VARIANTS = 200
STEPS: dict[Window, tuple[int, int]] = {"5m": (300, 144), "1h": (3600, 96), "1d": (86_400, 60)}
"""Of each rollup: the seconds of a window, and how many windows are written."""
HISTOGRAM_BUCKETS: dict[Window, int] = {"5m": 0, "1h": 12, "1d": 40}
_COMPACT = """\
  cache-snapshot-write-cold-duration = "2s"
  compact-full-write-cold-duration = "4s"
[monitor]
"""
_STILL_S = 15.0
_REQUEST_LINES = 5000


def run() -> list[dict[str, object]]:
    """Return a row for each database; raises `SkippedError` where there is no influxd."""
    if shutil.which("influxd") is None:
        raise SkippedError("InfluxDB's influxd is not installed")
    rng = random.Random(7)
    kinds = {"raw": _raw(rng)} | {f"rollup_{window}": _rollups(window, rng) for window in STEPS}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        counts = _filled(Path(folder), kinds)
        sizes = {name: _size(Path(folder) / "data" / name) for name in counts}
    return [
        {"rows": name, "row_count": count, "disk_bytes": size, "bytes_per_row": round(size / count, 1)}
        for (name, count), size in zip(counts.items(), sizes.values(), strict=True)
    ]


def _raw(rng: random.Random) -> Iterator[str]:
    variants = [minute(seed) for seed in range(VARIANTS)]
    for device, at in itertools.product(range(DEVICES), range(HOURS * 60)):
        for place, measurement in enumerate(rng.choice(variants)):
            time_ns = (START_S + 60 * at) * 10**9 + rng.randrange(10**9)
            record = Record(
                seq=10 * at + place,
                time_ns=time_ns,
                uptime_ns=at * 60 * 10**9,
                clock="synced",
                data=measurement,
            )
            yield pointlines.lines_of(Parcel(f"desa-{device}", "c7e233e1", "5f3a19c2", (record,))).decode()


def _rollups(window: Window, rng: random.Random) -> Iterator[str]:
    named = [series for name, series in SERIES.items() if name.endswith(f"_{window}")]
    if window == "5m":
        named += [SERIES[name] for name in ("device_silence", "village_silence", "surge")]
    step_s, count = STEPS[window]
    for series, device, step in itertools.product(named, range(DEVICES), range(count)):
        yield _line(series, device, (START_S + step * step_s) * 10**9, HISTOGRAM_BUCKETS[window], rng)


def _line(series: Series, device: int, time_ns: int, buckets: int, rng: random.Random) -> str:
    tags = "".join(f",{tag}={tag}-{device}" for tag in sorted(series.tags))
    histogram = ",".join(f"{rng.randrange(200)}:{rng.randrange(60)}" for _ in range(buckets))
    values = {
        "float": lambda: f"{rng.uniform(1, 100):.3f}",
        "int": lambda: f"{rng.randrange(300)}i",
        "bool": lambda: "true",
        "text": lambda: f'"{histogram or "up"}"',
    }
    fields = ",".join(f"{column.name}={values[column.type]()}" for column in series.columns)
    return f"{series.name}{tags} {fields} {time_ns}"


def _filled(folder: Path, kinds: dict[str, Iterator[str]]) -> dict[str, int]:
    """Write everything, and return how many rows each database has once the server is at rest."""
    port = _free_port()
    config = _CONFIG.format(host=HOST, folder=folder, port=port, rpc_port=_free_port())
    (folder / "influxdb.conf").write_text(config.replace("[monitor]\n", _COMPACT))
    process = subprocess.Popen(
        ["influxd", "-config", str(folder / "influxdb.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        counts = {name: _written(f"http://{HOST}:{port}", name, found) for name, found in kinds.items()}
        _settle(folder)
    finally:
        process.kill()
        process.wait()
    return counts


def _written(url: str, database: str, found: Iterable[str]) -> int:
    retries = urllib3.Retry(100, backoff_factor=0.1, backoff_max=0.2)
    urllib3.request("POST", f"{url}/query?q=CREATE+DATABASE+{database}", retries=retries)
    count = 0
    rest = iter(found)
    while batch := list(itertools.islice(rest, _REQUEST_LINES)):
        response = urllib3.request("POST", f"{url}/write?db={database}", body="\n".join(batch).encode())
        assert response.status == 204, response.data
        count += len(batch)
    return count


def _settle(folder: Path) -> None:
    """Wait until the log is empty and the size has stood still for a while."""
    sizes, since = (0, 0), time.monotonic()
    while time.monotonic() < since + _STILL_S:
        now = (_size(folder / "data"), _size(folder / "wal"))
        if now != sizes:
            sizes, since = now, time.monotonic()
        time.sleep(1)


def _size(folder: Path) -> int:
    """Return what files take on disk; 32 MiB that each database sets aside for series are unused at first."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
