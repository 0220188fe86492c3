"""A portal over a store in a process of its own, and how long its answers take."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import multiprocessing
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.collector.months.world import BOOK, Fixed

from pantau_collector.config import InfluxConfig, WebConfig
from pantau_collector.months.reading import StoredMonths
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore
from pantau_collector.web import server
from pantau_collector.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.storage.base import Store

NOW_NS = 1_795_325_400 * 10**9  # 22 November 2026


def connected(url: str) -> http.client.HTTPConnection:
    """Return a connection to a portal, to be kept."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[float, int]:
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
def running(place: dict[str, str], registry: Path) -> Iterator[str]:
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
