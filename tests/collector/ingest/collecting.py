"""A collector's ingest in the test's own loop, over a real broker and a real store that can be held."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.collector.ingest.waiting import PATIENCE_S, until
from tests.fakes.brokers import HOST

from pantau_collector.config import IngestConfig
from pantau_collector.deadletters import DeadLetters
from pantau_collector.errors import StoreUnavailableError
from pantau_collector.ingest.pipeline import Ingest
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.mqtt import ConnectOptions
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pantau_collector.ingest.tokens import TokenDesk
    from pantau_collector.storage.base import Batch, Store, WriteReport

CONFIG = IngestConfig(
    batch_delay_s=0.02, unregistered_retry_s=300, newer_agent_retry_s=3600, store_retry_s=30
)


class HeldStore(SqliteStore):
    """A real store whose `write` waits while `free` is not set, and fails while `down`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.free = threading.Event()
        self.free.set()
        self.down = False
        self.waiting = 0
        self.batches: list[Batch] = []

    def write(self, batch: Batch) -> WriteReport:
        self.waiting += 1
        assert self.free.wait(PATIENCE_S)
        self.waiting -= 1
        if self.down:
            raise StoreUnavailableError("the store is down")
        report = super().write(batch)
        self.batches.append(batch)
        return report


@dataclass
class Collecting:
    """A running ingest and everything around it."""

    ingest: Ingest
    store: HeldStore
    letters: DeadLetters
    metrics: Metrics
    task: asyncio.Task[None]
    strangers: set[str] = field(default_factory=set)

    def stored(self, device: str = "desa-1") -> list[tuple[int, int]]:
        """The ranges of numbers that are in the store."""
        return self.store.stored_seqs(device, "s1")

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics._registry.get_sample_value(name, labels) or 0.0


@contextlib.asynccontextmanager
async def collecting(
    port: int,
    folder: Path,
    *,
    client_id: str = "collector-1",
    receive_max: int = 2000,
    config: IngestConfig = CONFIG,
    desk: TokenDesk | None = None,
    wait: bool = True,
    other_store: Store | None = None,
) -> AsyncIterator[Collecting]:
    """Yield an ingest that is connected to the broker; its files lie in the folder."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(HeldStore(folder / "pantau.db")))
        letters = stack.enter_context(contextlib.closing(DeadLetters(folder / "dead-letters.db")))
        metrics, strangers = Metrics(), set[str]()
        writer = Writer(other_store or store, letters, metrics)
        ingest = Ingest(writer, config, metrics, lambda device: device not in strangers, desk)
        options = ConnectOptions(HOST, port, client_id, receive_max=receive_max)
        task = asyncio.create_task(ingest.run(options, reconnect_max_s=0.2))
        try:
            if wait:
                await until(lambda: ingest.broker_connected or task.done())
            yield Collecting(ingest, store, letters, metrics, task, strangers)
        finally:
            store.free.set()
            await stop(task)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel and wait; an ingest that failed by itself fails the test."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
