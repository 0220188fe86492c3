"""How long the portal's pages take for a nation of 83,763 villages with a year of day rows.

`server_ms` is from the request to the last byte of the page, over a kept connection to a portal in a process
of its own; `paint_ms` is Chromium's first contentful paint of it, cached files included; both are medians of
`REPEATS`, `first_ms` the very first request after the portal's start. The store is SQLite, or InfluxDB 1.6.7
on this machine, which holds the shown month's days of the whole nation and the year's of the shown regency.
It takes a quarter of an hour and 20 GB of disk, so it runs on request; PANTAU_PAGES_STORES=sqlite leaves
InfluxDB out.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright
from tests.fakes import chromium as browsers
from tests.fakes import influxd

from benchmarks import SkippedError, _months_nation
from benchmarks._months_nation import REGENCY, SHOWN
from benchmarks._portal_process import ask, connected, running
from pantau_collector.config import InfluxConfig
from pantau_collector.storage.influx.store import InfluxStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

BUILD = Path(__file__).parent.parent / "build"
REPEATS = 9
VILLAGE = "33.10.26.2008"
PAGES = {
    "nation": f"/areas/id?month={SHOWN}",
    "province": f"/areas/33?month={SHOWN}",
    "regency": f"/areas/{REGENCY}?month={SHOWN}",
    "regency, failed": f"/areas/{REGENCY}?month={SHOWN}&verdict=fail&sort=-loss",
    "largest regency": f"/areas/11.08?month={SHOWN}",
    "district": f"/areas/{VILLAGE[:8]}?month={SHOWN}",
    "village": f"/villages/{VILLAGE}?month={SHOWN}",
    "device": f"/devices/desa-{VILLAGE}",
}
PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(one => one.startTime)[0]"


def run() -> list[dict[str, object]]:
    """Return a row for each page and store."""
    chromium = browsers.PATH
    if chromium is None:
        raise SkippedError("needs Chromium: apt-get install chromium")
    if shutil.which("influxd") is None:
        raise SkippedError("needs InfluxDB: apt-get install influxdb")
    wanted = os.environ.get("PANTAU_PAGES_STORES", "sqlite,influxdb").split(",")
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        registry, path = Path(folder) / "devices.csv", Path(folder) / "pantau.db"
        _months_nation.registry(registry)
        _months_nation.fill_sqlite(path)
        rows = _measured("SQLite", {"path": str(path)}, registry, chromium) if "sqlite" in wanted else []
        if "influxdb" in wanted:
            rows += _on_influxdb(Path(folder), path, registry, chromium)
    return rows


def _on_influxdb(folder: Path, path: Path, registry: Path, chromium: str) -> list[dict[str, object]]:
    server_folder = folder / "influxd"
    server_folder.mkdir()
    with influxd.running(server_folder) as influx:
        place = {"url": influx.url, "database": influx.new_database("WITH SHARD DURATION 28d")}
        store = InfluxStore(InfluxConfig(**place))  # type: ignore[arg-type]
        _months_nation.copy_to(store, path)
        store.close()
        return _measured("InfluxDB 1.6.7", place, registry, chromium)


def _measured(name: str, place: dict[str, str], registry: Path, chromium: str) -> list[dict[str, object]]:
    with running(place, registry) as url, sync_playwright() as playwright:
        first = {page: ask(connected(url), path)[0] for page, path in PAGES.items()}
        browser = playwright.chromium.launch(executable_path=chromium, args=browsers.FLAGS)
        sheet = browser.new_page()
        rows = [
            {"store": name, "page": page, **_page(url, path, sheet), "first_ms": round(first[page])}
            for page, path in PAGES.items()
        ]
        browser.close()
    return rows


def _page(url: str, path: str, sheet: Page) -> dict[str, object]:
    connection = connected(url)
    asked = [ask(connection, path) for _ in range(REPEATS)]
    painted = []
    for _ in range(REPEATS):
        sheet.goto(url + path)
        painted.append(sheet.wait_for_function(PAINT).json_value())
    times = [taken_ms for taken_ms, _ in asked]
    return {
        "kB": round(asked[0][1] / 1000),
        "server_ms": round(statistics.median(times)),
        "server_worst_ms": round(max(times)),
        "paint_ms": round(statistics.median(painted)),
        "paint_worst_ms": round(max(painted)),
    }


if __name__ == "__main__":
    for result in run():
        print(json.dumps(result))
