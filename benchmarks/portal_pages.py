"""How long the portal's pages take for a nation of 83,763 villages with a year of day rows.

`server_ms` is from the request to the last byte of the page, over a kept connection to a portal in a process
of its own; `paint_ms` is Chromium's first contentful paint of it, cached files included; both are medians of
`REPEATS`, `first_ms` the very first request after the portal's start. The store is SQLite, or InfluxDB 1.6.7
on this machine, which holds the shown month's days of the whole nation and the year's of the shown regency.
It takes a quarter of an hour and 20 GB of disk, so it runs on request; PANTAU_PAGES_STORES=sqlite leaves
InfluxDB out.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright
from tests.collector.months.world import BOOK, Fixed
from tests.fakes import influxd

from benchmarks import SkippedError, _months_nation
from benchmarks._months_nation import REGENCY, SHOWN
from pantau_collector.config import InfluxConfig, WebConfig
from pantau_collector.months.reading import StoredMonths
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore
from pantau_collector.web import server
from pantau_collector.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from pantau_collector.storage.base import Store

BUILD = Path(__file__).parent.parent / "build"
REPEATS = 9
NOW_NS = 1_795_325_400 * 10**9  # 22 November 2026
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
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(one => one.startTime)[0]"


def run() -> list[dict[str, object]]:
    """Return a row for each page and store."""
    chromium = shutil.which("chromium")
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
    with influxd.running(server_folder) as running:
        place = {"url": running.url, "database": running.new_database()}
        store = InfluxStore(InfluxConfig(**place))  # type: ignore[arg-type]
        _months_nation.copy_to(store, path)
        store.close()
        return _measured("InfluxDB 1.6.7", place, registry, chromium)


def _measured(name: str, place: dict[str, str], registry: Path, chromium: str) -> list[dict[str, object]]:
    with _portal(place, registry) as url, sync_playwright() as playwright:
        first = {page: _ask(_connected(url), path)[0] for page, path in PAGES.items()}
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        sheet = browser.new_page()
        rows = [
            {"store": name, "page": page, **_page(url, path, sheet), "first_ms": round(first[page])}
            for page, path in PAGES.items()
        ]
        browser.close()
    return rows


def _page(url: str, path: str, sheet: Page) -> dict[str, object]:
    connection = _connected(url)
    asked = [_ask(connection, path) for _ in range(REPEATS)]
    painted = []
    for _ in range(REPEATS):
        sheet.goto(url + path)
        painted.append(sheet.evaluate(PAINT))
    times = [taken_ms for taken_ms, _ in asked]
    return {
        "kB": round(asked[0][1] / 1000),
        "server_ms": round(statistics.median(times)),
        "server_worst_ms": round(max(times)),
        "paint_ms": round(statistics.median(painted)),
        "paint_worst_ms": round(max(painted)),
    }


def _connected(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[float, int]:
    """Return how long a whole page took, in ms, and its bytes on the wire (gzip, as browsers ask)."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"accept-encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    taken_ms = (time.perf_counter() - began) * 1000
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return taken_ms, len(body)


@contextlib.contextmanager
def _portal(place: dict[str, str], registry: Path) -> Iterator[str]:
    """Run a portal over the store at a place in a process of its own, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(place, registry, port), daemon=True
    )
    process.start()
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.join()


def _serve(place: dict[str, str], registry: Path, port: int) -> None:
    at: InfluxConfig | Path = InfluxConfig(**place) if "url" in place else Path(place["path"])  # type: ignore[arg-type]
    store: Store = InfluxStore(at) if isinstance(at, InfluxConfig) else SqliteStore(at)
    source = RegistryFile(registry)
    app = create_app(
        store,
        source,
        WebConfig(access_path=registry.with_name("access.db"), requests_per_minute=100_000),
        health=lambda: {"status": "ok"},
        clock_ns=lambda: NOW_NS,
        months=StoredMonths(store, source, Fixed(BOOK)),
    )
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    asyncio.run(server.serve(app, listener, behind_proxy=False, certificate=None))


if __name__ == "__main__":
    for result in run():
        print(json.dumps(result))
