"""A portal over a store in memory, with one device of one village and a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from pantau_collector.config import WebConfig
from pantau_collector.registry.file import RegistryFile
from pantau_collector.storage.base import Arrival, Batch, Delivery
from pantau_collector.web.app import create_app
from pantau_wire.envelope import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.fakes.memory_store import MemoryStore

    from pantau_collector.months.model import MonthReader
    from pantau_wire.fields import AnyMeasurement

S = 1_000_000_000
NOW = 1_795_325_400 * S  # 2026-11-22 12:30:00 WIB
HEADER = "device,village,since,traffic_source\n"
TEGALYOSO = "33.10.26.2008"


@dataclass
class World:
    """A store, a registry file and the app over both, as configured."""

    store: MemoryStore
    registry: Path
    web: WebConfig
    now_ns: int = NOW
    months: MonthReader | None = None
    health: dict[str, object] = field(default_factory=lambda: {"status": "ok"})
    _seq: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = create_app(
            self.store,
            RegistryFile(self.registry),
            self.web,
            health=lambda: self.health,
            metrics=lambda: b"pantau_up 1\n",
            clock_ns=lambda: self.now_ns,
            months=self.months,
        )

    def put(
        self, data: AnyMeasurement, *, ago_s: float = 0, device: str = "klaten-1", spool: str = "s1"
    ) -> Record:
        seq = self._seq[device] = self._seq.get(device, 0) + 1
        record = Record(seq=seq, time_ns=NOW - int(ago_s * S), uptime_ns=S, clock="synced", data=data)
        delivery = Delivery(device, spool, seq, seq, "received", NOW)
        self.store.write(Batch.of([Arrival(device, spool, "boot-1", record)], [delivery]))
        return record

    def put_all(self, data: Callable[[int], AnyMeasurement], ages_s: Sequence[float]) -> list[Record]:
        return [self.put(data(index), ago_s=age) for index, age in enumerate(ages_s)]

    def register(self, *rows: str) -> None:
        self.registry.write_text(HEADER + "".join(f"{row}\n" for row in rows))

    def with_clock(self, now_ns: int) -> World:
        """Return the same world, seen at another instant."""
        return replace(self, now_ns=now_ns)

    def with_web(self, **settings: object) -> World:
        """Return the same world behind another portal."""
        return replace(self, web=WebConfig(**{**self.web.model_dump(), **settings}))

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://portal")
